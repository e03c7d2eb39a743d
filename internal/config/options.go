package config

// options is the table of all options. The order is that of the help text.
var options = []group{
	{"HTTP", []option{
		{name: "http-host", kind: host("http-port"), preset: "127.0.0.1", acceptsEmptyVariable: true,
			help: `Address to listen on. An empty value listens on all interfaces.`},
		{name: "http-port", kind: port(0), preset: "80",
			help: `Port to listen on. 0 picks a free port. The log shows the address.`},
		{name: "http-timeout-read", kind: duration(1), preset: "1",
			help: `Time to read a whole request with its body.`},
		{name: "http-timeout-write", kind: duration(1), preset: "1",
			help: `Time to write a response.`},
		{name: "http-timeout-idle", kind: duration(1), preset: "1",
			help: `Time to wait for the next request on a connection. Behind a load balancer, set it to
more than the load balancer keeps idle connections, such as 75.`},
		{name: "http-max-body", kind: size(1), preset: "1MiB",
			help: `Size of the largest request body, compressed and unpacked.`},
		{name: "max-conns", kind: connCount(), preset: "auto",
			help: `Number of connections that may be open. "auto" leaves 64 of the file descriptors that
the process may open (RLIMIT_NOFILE), or half of them, for everything else. 0 means no
limit.`},
		{name: "max-conns-per-ip", kind: count(maxConns), preset: "0",
			help: `Number of connections that one client address may have open (IPv6: one /64 network).
Trusted proxies are exempt. 0 means no limit.`},
		{name: "trusted-proxies", kind: list("NETWORKS"),
			help: `Addresses and networks of load balancers, such as "10.0.0.0/8,fd00::/8". The proxy
reads the client's address from their X-Forwarded-For header.`},
		{name: "serve-client", kind: onOff(), preset: "true",
			help: `Serve the browser client: the script /client.js, the module /client.mjs and their
types. --serve-client=false turns this off.`},
		{name: "proxy-protocol", kind: onOff(),
			help: `Read the client's address from the header of the PROXY protocol, version 1 or 2, with
which --trusted-proxies begin connections. For load balancers that do not speak HTTP.`},
	}},
	{"TLS", []option{
		{name: "tls-cert", kind: text("FILE"), rejectsEmpty: true,
			help: `Certificate file (PEM). With --tls-key, the proxy serves HTTPS instead of HTTP.`},
		{name: "tls-key", kind: text("FILE"), rejectsEmpty: true,
			help: `File with the private key of the certificate (PEM).`},
		{name: "tls-ticket-key-file", kind: text("FILE"), rejectsEmpty: true,
			help: `File with the keys of TLS session tickets: 48 random bytes in base64 on each line. The
first key encrypts new tickets, all keys decrypt. Proxies with the same keys resume each
other's sessions. Blank lines and lines that start with # are skipped. By default each
proxy has keys of its own, which it changes every day.`},
		{name: "tls-timeout-handshake", kind: duration(1), preset: "10",
			help: `Time for a TLS handshake, without the time in which it waits for other handshakes.`},
		{name: "acme-domain", kind: domains(), rejectsEmpty: true,
			help: `Host names of the proxy, such as "metrics.shop.example". The proxy then serves HTTPS,
and gets and renews the certificates itself, from the ACME server, which connects to port 443
of each name. Not with --tls-cert. You accept the terms of the ACME server.`},
		{name: "acme-cache", kind: text("DIR"), rejectsEmpty: true,
			help: `Directory of the certificates, which the proxy makes for its user only (0700). It must
survive restarts. By default it is "acme" in systemd's StateDirectory, or
"/var/lib/statsd-http-proxy/acme" for root, or else in the user's cache directory.`},
		{name: "acme-email", kind: email(),
			help: `Address at which the ACME server may write to you.`},
		{name: "acme-directory", kind: acmeDirectory(), rejectsEmpty: true,
			help: `URL of the directory of the ACME server. By default it is that of Let's Encrypt,
"https://acme-v02.api.letsencrypt.org/directory".`},
	}},
	{"StatsD", []option{
		{name: "statsd-host", kind: host("statsd-port"), preset: "127.0.0.1",
			help: `Host of the StatsD server.`},
		{name: "statsd-port", kind: port(1), preset: "8125",
			help: `UDP or TCP port of the StatsD server.`},
		{name: "statsd-network", kind: oneOf(networks), preset: "udp", choices: networks,
			help: `How to reach the StatsD server.`},
		{name: "statsd-socket", kind: text("PATH"),
			help: `Path of the StatsD server's Unix domain socket.`},
		{name: "statsd-flavor", kind: oneOf(flavors), preset: "none", choices: flavors,
			help: `Name of the StatsD server. The flavor sets the tag format, the form of negative gauges
and the types that are accepted, and rejects names and tags that harm this server.`},
		{name: "statsd-max-datagram", kind: datagramSize(), preset: "auto",
			help: `Size of the largest datagram, and so of the longest line. "auto" is 1432 bytes for
udp, which fits into an Ethernet frame, and 8192 bytes for the other networks.`},
		{name: "statsd-buffer", kind: size(minBuffer), preset: "64MiB",
			help: `Size of the queue of lines that wait for the StatsD server. While the queue is full,
requests get 503.`},
		{name: "statsd-resolve-interval", kind: duration(1), preset: "30",
			help: `Interval of DNS lookups of --statsd-host. While the server is away, the proxy looks
it up more often. Over udp, the proxy also changes its source port at each interval, so that
a load balancer can choose another server.`},
	}},
	{"Metrics", []option{
		{name: "metric-prefix", kind: text("PREFIX"),
			help: `Prefix of every metric name. The proxy adds a dot after a prefix that ends in a letter
or a digit: "web" and "web." give "web.x", "web_" gives "web_x".`},
		{name: "tag-format", kind: oneOf(tagFormats), choices: tagFormats,
			help: `Format of tags on the wire. By default it is that of --statsd-flavor, and influxdb
without a flavor.`},
		{name: "tags", kind: list("TAGS"),
			help: `Tags of every metric, such as "env=prod,region=eu". If a metric has a tag with the
same key, its own value is used.`},
		{name: "name-format", kind: oneOf(nameFormats), preset: "any", choices: nameFormats,
			help: `Characters that names may contain. Others become underscores.`},
		{name: "lowercase", kind: onOff(),
			help: `Change names and tags to lower case.`},
		{name: "histograms", kind: onOff(),
			help: `Accept the types histogram (h) and distribution (d), which some flavors accept without
this option. Etsy StatsD takes them for counters.`},
	}},
	{"Tokens", []option{
		{name: "jwt-secret", kind: secrets(), rejectsEmpty: true, isSecret: true,
			help: `Secret of the JSON Web Tokens that metric requests need (HS256, HS384, HS512). May be
repeated; each secret is valid. Other users of the machine can read it in the list of
processes: prefer --jwt-secret-file or the environment variable. Without a secret and
without public keys, requests need no token.`},
		{name: "jwt-secret-file", kind: text("FILE"), rejectsEmpty: true,
			help: `File with one secret per line. Blanks at the ends of lines, blank lines and lines that
start with # are skipped.`},
		{name: "jwt-public-key-file", kind: text("FILE"), rejectsEmpty: true,
			help: `File with public keys or certificates (PEM) that verify tokens: RSA (RS256, RS384,
RS512, PS256, PS384, PS512), ECDSA (ES256, ES384, ES512) and Ed25519 (EdDSA).`},
		{name: "jwt-jwks-url", kind: text(urlName), rejectsEmpty: true,
			help: `URL of a JWK set: the public keys that an identity provider publishes.`},
		{name: "jwt-issuer", kind: text("ISSUER"), rejectsEmpty: true,
			help: `Issuer that the claim "iss" of a token must name.`},
		{name: "jwt-audience", kind: text("AUDIENCE"), rejectsEmpty: true,
			help: `Audience that the claim "aud" of a token must contain.`},
		{name: "jwt-require-exp", kind: onOff(),
			help: `Reject tokens without an expiry time (claim "exp").`},
		{name: "jwt-leeway", kind: duration(0), preset: "5",
			help: `Time by which the clocks of token issuers may be ahead (claims "nbf" and "iat").
There is no leeway for the claim "exp".`},
	}},
	{"Limits", []option{
		{name: "cors-origins", kind: list("ORIGINS"), preset: "*", rejectsEmpty: true,
			help: `Origins of pages that may send metrics, such as
"https://shop.example,https://*.shop.example". Requests without an Origin header do
not come from pages and are accepted.`},
		{name: "allow-metrics", kind: list("PATTERNS"), rejectsEmpty: true,
			help: `Patterns of the names that clients may write, such as "web.*,app.checkout.*", without
prefixes. An asterisk matches any characters. By default clients may write all names.`},
		{name: "deny-metrics", kind: list("PATTERNS"), rejectsEmpty: true,
			help: `Patterns of names that clients may not write, such as "stats.*,statsd.*", without
prefixes. They override --allow-metrics.`},
		{name: "allow-tags", kind: list("PATTERNS"), rejectsEmpty: true,
			help: `Patterns of the tag keys that clients may write, such as "env,page,app.*". By default
clients may write all keys.`},
		{name: "max-tag-keys", kind: count(maxTagKeys), preset: "200",
			help: `Number of different tag keys that clients may write until the next start. Metrics with
further keys are rejected. With some StatsD servers, each key becomes a column that stays
for ever. 0 means no limit.`},
		{name: "max-series", kind: count(maxSeries), preset: "0",
			help: `Number of series (names with their tags) that may be in use. A series that is unused
for one to two minutes is forgotten. At the limit, metrics of new series are rejected. A
series takes 12 bytes of memory. 0 means no limit.`},
		{name: "rate-limit", kind: rate(true), preset: "0",
			help: `Metrics per second that a client may send. A client is the subject (claim "sub") of a
token, or else an address (IPv6: a /64 network). Over the limit, requests get 429. 0 means
no limit.`},
		{name: "rate-burst", kind: count(maxBurst), preset: "0",
			help: `Metrics that a client may send at once, and so the size of its largest batch. 0 means
ten seconds' worth of --rate-limit.`},
	}},
	{"Operations", []option{
		{name: "admin-listen", kind: adminAddress(),
			help: `Private address for health checks, metrics and profiles: "127.0.0.1:8826" or
"unix:/run/statsd-http-proxy.sock". There is none by default. Clients must not reach it.`},
		{name: "ready-statsd-timeout", kind: duration(0), preset: "0",
			help: `Time for which the StatsD server may be away before /readyz of --admin-listen fails. 0
means any time: the queue still accepts, and all replicas would leave the load balancer at
once.`},
		{name: "self-metrics", kind: metricPrefix(),
			help: `Prefix of metrics about the proxy itself, which it sends to StatsD every 10 seconds,
such as "proxy.web1". By default it sends none.`},
		{name: "log-format", kind: oneOf(logFormats), preset: "text", choices: logFormats,
			help: `Format of the log.`},
		{name: "log-level", kind: oneOf(logLevels), preset: "info", choices: logLevels,
			help: `Lowest level of the lines in the log.`},
		{name: "verbose", kind: onOff(),
			help: `Log at the level debug, with forwarded lines and rejected requests. Of many at once,
the log shows some.`},
	}},
	{"Other", []option{
		{name: "shutdown-delay", kind: duration(0), preset: "0",
			help: `Time after SIGTERM or SIGINT in which the proxy works as before, so that load balancers
can learn that it stops.`},
		{name: "shutdown-timeout", kind: duration(1), preset: "5",
			help: `Time to finish requests and to send the queue after --shutdown-delay.`},
		{name: "demo", kind: onOff(),
			help: `Start a built-in StatsD server and send metrics to it. It prints what it receives, and
shows it on a page at /.`},
		{name: "config", kind: text("FILE"), rejectsEmpty: true,
			help: `Configuration file with one option per line, such as "http-port 8825".`},
		{name: "check-config", kind: onOff(), onlyFlag: true,
			help: `Check the options and the files that they name, print the options that are in effect,
and exit as the start would. Secrets are printed as "set".`},
		{name: "help", kind: onOff(), onlyFlag: true,
			help: `Print this help and exit.`},
		{name: "version", kind: onOff(), onlyFlag: true,
			help: `Print the version and exit.`},
	}},
}

var logFormats = []choice{
	{"text", `"key=value" pairs (logfmt)`},
	{"json", `a JSON object per line, with the same keys`},
}

var logLevels = []choice{
	{"debug", `also forwarded lines and rejected requests, like --verbose`},
	{"info", `also changes of state, such as the start with its address`},
	{"warn", `also what may become a problem`},
	{"error", `only faults`},
}

var networks = []choice{
	{"udp", `datagrams to --statsd-host; every StatsD server reads these`},
	{"tcp", `a connection to --statsd-host, for Etsy StatsD's TCP server, Telegraf and statsd_exporter`},
	{"unixgram", `datagrams to --statsd-socket, for the Datadog Agent, Telegraf and statsd_exporter`},
	{"unix", `a connection to --statsd-socket`},
}

var flavors = []choice{
	{"none", `an unknown server; the lines suit as many servers as possible`},
	{"etsy", `Etsy StatsD; no tags, unless --tag-format=graphite is given`},
	{"telegraf", `Telegraf; tags in the format influxdb`},
	{"statsd-exporter", `Prometheus statsd_exporter; tags in the format dogstatsd`},
	{"gostatsd", `gostatsd; tags in the format dogstatsd`},
	{"datadog", `the Datadog Agent; tags in the format dogstatsd`},
	{"vector", `Vector; tags in the format dogstatsd`},
}

var tagFormats = []choice{
	{"influxdb", `"name,env=prod:1|c", for Telegraf and statsd_exporter`},
	{"graphite", `"name;env=prod:1|c", for Etsy StatsD with Graphite's tags`},
	{"dogstatsd", `"name:1|c|#env:prod", for Datadog, gostatsd, Vector and statsd_exporter`},
	{"librato", `"name#env=prod:1|c", for Librato and statsd_exporter`},
	{"signalfx", `"name[env=prod]:1|c", for SignalFx and statsd_exporter`},
	{"none", `"name:1|c", for servers without tags`},
}

var nameFormats = []choice{
	{"any", `every character that StatsD can read`},
	{"graphite", `letters, digits and "_ . -", for Graphite`},
	{"prometheus", `letters, digits and "_", for Prometheus and statsd_exporter`},
}
