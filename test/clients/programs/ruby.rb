# Sends metrics with net/http of Ruby, see driver_test.go.
require 'net/http'

connections = {}
$stdout.sync = true
puts "ready #{RUBY_VERSION}"
while (line = $stdin.gets)
  url, size = line.split
  body = size == '0' ? '{"value": 1}' : 'x' * size.to_i
  uri = URI(url)
  start = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  begin
    connection = connections["#{uri.host}:#{uri.port}"] ||= Net::HTTP.new(uri.host, uri.port, nil)
    connection.start unless connection.started?
    response = connection.post(uri.path, body)
    puts "#{response.code} #{(Process.clock_gettime(Process::CLOCK_MONOTONIC) - start) * 1000}"
  rescue StandardError => e
    connection.finish if connection.started?
    puts "error #{e.message.tr("\n", ' ')}"
  end
end
