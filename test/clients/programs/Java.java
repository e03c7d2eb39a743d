// Sends metrics with java.net.http, see driver_test.go. With the argument HTTP/2 it does so
// over TLS and trusts any certificate.

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509ExtendedTrustManager;

public class Java {
    public static void main(String[] args) throws IOException, InterruptedException, GeneralSecurityException {
        boolean isHTTP2 = args.length > 0 && args[0].equals("HTTP/2");
        HttpClient.Version version = isHTTP2 ? HttpClient.Version.HTTP_2 : HttpClient.Version.HTTP_1_1;
        HttpClient.Builder builder = HttpClient.newBuilder().version(version);
        if (isHTTP2) {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(null, new TrustManager[] {new TrustAll()}, null);
            builder.sslContext(context);
        }
        HttpClient client = builder.build();
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
        System.out.println("ready " + System.getProperty("java.version"));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String[] parts = line.split(" ");
            int size = Integer.parseInt(parts[1]);
            String body = size > 0 ? "x".repeat(size) : "{\"value\": 1}";
            HttpRequest request = HttpRequest.newBuilder(URI.create(parts[0])).timeout(Duration.ofSeconds(20))
                .POST(HttpRequest.BodyPublishers.ofString(body)).build();
            long start = System.nanoTime();
            try {
                HttpResponse<String> response = client.send(request, HttpResponse.BodyHandlers.ofString());
                if (response.version() != version) {
                    throw new IOException("got " + response.version());
                }
                System.out.println(response.statusCode() + " " + (System.nanoTime() - start) / 1e6);
            } catch (IOException error) {
                System.out.println("error " + String.valueOf(error).replace("\n", " "));
            }
        }
    }

    private static class TrustAll extends X509ExtendedTrustManager {
        public void checkClientTrusted(X509Certificate[] chain, String type) {}
        public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}
        public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}
        public void checkServerTrusted(X509Certificate[] chain, String type) {}
        public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket) {}
        public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}
        public X509Certificate[] getAcceptedIssuers() { return new X509Certificate[0]; }
    }
}
