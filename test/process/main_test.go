package process

import (
	"io"
	"log"
	"os"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

func TestMain(m *testing.M) {
	// net/http logs that a connection above --max-conns gets 503 before its request.
	log.SetOutput(io.Discard)
	os.Exit(testutil.Main(m))
}
