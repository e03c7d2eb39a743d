# Sends metrics with an HTTP client of Perl, see driver_test.go. The argument names the
# client.
use strict;
use warnings;
use Time::HiRes qw(time);

# Each returns a version and a function that posts a body and returns the status and the
# error.
my %clients = (
    'HTTP::Tiny' => sub {
        require HTTP::Tiny;
        my $client = HTTP::Tiny->new(keep_alive => 1);
        return $HTTP::Tiny::VERSION, sub {
            my ($url, $body) = @_;
            my $response = $client->post($url, { content => $body });
            return $response->{status}, $response->{content};
        };
    },
    'LWP' => sub {
        require LWP::UserAgent;
        my $client = LWP::UserAgent->new(keep_alive => 10, env_proxy => 0);
        return $LWP::UserAgent::VERSION, sub {
            my ($url, $body) = @_;
            my $response = $client->post($url, Content => $body);
            # The client itself makes a response if it has received none.
            my $status = $response->header('Client-Warning') ? 599 : $response->code;
            return $status, $response->status_line;
        };
    },
);

my ($version, $post) = $clients{ $ARGV[0] }->();
$| = 1;
$SIG{PIPE} = 'IGNORE';
print "ready $version\n";
while (my $line = <STDIN>) {
    my ($url, $size) = split ' ', $line;
    my $body = $size ? 'x' x $size : '{"value": 1}';
    my $start = time;
    my ($status, $error) = $post->($url, $body);
    my $spent = (time - $start) * 1000;
    $error =~ s/\n/ /g;
    print $status == 599 ? "error $error\n" : "$status $spent\n";
}
