// Sends metrics with java.net.http, see driver_test.go.

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

public class Java {
    public static void main(String[] args) throws IOException, InterruptedException {
        HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        System.out.println("ready " + System.getProperty("java.version"));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] parts = line.split(" ");
            int size = Integer.parseInt(parts[1]);
            String body = size > 0 ? "x".repeat(size) : "{\"value\": 1}";
            HttpRequest request = HttpRequest.newBuilder(URI.create(parts[0]))
                .POST(HttpRequest.BodyPublishers.ofString(body)).build();
            long start = System.nanoTime();
            try {
                int status = client.send(request, HttpResponse.BodyHandlers.ofString()).statusCode();
                System.out.println(status + " " + (System.nanoTime() - start) / 1e6);
            } catch (IOException error) {
                System.out.println("error " + String.valueOf(error).replace("\n", " "));
            }
        }
    }
}
