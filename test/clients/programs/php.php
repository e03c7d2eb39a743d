<?php
// Sends metrics with an HTTP client of PHP, see driver_test.go. The argument names the
// client.

function useCurl(): array
{
    $curl = curl_init(); // it keeps its connections
    curl_setopt_array($curl, [CURLOPT_POST => true, CURLOPT_RETURNTRANSFER => true, CURLOPT_PROXY => '']);
    return [curl_version()['version'], function (string $url, string $body) use ($curl): int {
        curl_setopt_array($curl, [CURLOPT_URL => $url, CURLOPT_POSTFIELDS => $body]);
        if (curl_exec($curl) === false) {
            throw new Exception(curl_error($curl));
        }
        return curl_getinfo($curl, CURLINFO_RESPONSE_CODE);
    }];
}

function useGuzzle(): array
{
    require 'GuzzleHttp/autoload.php';
    $client = new GuzzleHttp\Client(['http_errors' => false]);
    return [(string) GuzzleHttp\ClientInterface::MAJOR_VERSION, function (string $url, string $body) use ($client): int {
        return $client->post($url, ['body' => $body])->getStatusCode();
    }];
}

[$version, $post] = $argv[1] === 'Guzzle' ? useGuzzle() : useCurl();
echo "ready $version\n";
while (($line = fgets(STDIN)) !== false) {
    [$url, $size] = explode(' ', trim($line));
    $body = $size > 0 ? str_repeat('x', $size) : '{"value": 1}';
    $start = hrtime(true);
    try {
        $status = $post($url, $body);
        echo $status, ' ', (hrtime(true) - $start) / 1e6, "\n";
    } catch (Throwable $error) {
        echo 'error ', str_replace("\n", ' ', $error->getMessage()), "\n";
    }
}
