<?php
// Sends metrics with an HTTP client of PHP, see driver_test.go. The argument names the
// client.

function useCurl(bool $isHTTP2): array
{
    $curl = curl_init(); // it keeps its connections
    if ($isHTTP2) {
        curl_setopt_array($curl, [CURLOPT_HTTP_VERSION => CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE, CURLOPT_SSL_VERIFYPEER => false, CURLOPT_SSL_VERIFYHOST => 0]);
    }
    curl_setopt_array($curl, [CURLOPT_POST => true, CURLOPT_RETURNTRANSFER => true, CURLOPT_PROXY => '']);
    return [curl_version()['version'], function (string $url, string $body) use ($curl, $isHTTP2): int {
        curl_setopt_array($curl, [CURLOPT_URL => $url, CURLOPT_POSTFIELDS => $body]);
        if (curl_exec($curl) === false) {
            throw new Exception(curl_error($curl));
        }
        if ($isHTTP2 && curl_getinfo($curl, CURLINFO_HTTP_VERSION) !== CURL_HTTP_VERSION_2_0) {
            throw new Exception('the response is not HTTP/2');
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

[$version, $post] = $argv[1] === 'Guzzle' ? useGuzzle() : useCurl($argv[1] === 'curl over HTTP/2');
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
