package ingest_test

import (
	"testing"

	"statsd-http-proxy/internal/proxytest"
)

// TestHTTP2AnswersAsHTTP1 runs the tests that tell what the interface answers
// over HTTP/2.
func TestHTTP2AnswersAsHTTP1(t *testing.T) {
	proxytest.OverHTTP2 = true
	defer func() { proxytest.OverHTTP2 = false }()
	for _, one := range []struct {
		name string
		test func(*testing.T)
	}{
		{"forwards", TestMetricsAreForwarded},
		{"form data", TestFormDataIsForwarded},
		{"prefix", TestPrefixIsPutBeforeEachName},
		{"batches", TestBatchesAreForwarded},
		{"bad batches", TestBadBatchesSendNothing},
		{"large batch", TestBatchOf10000EntriesKeepsItsOrder},
		{"growing batch", TestBatchThatGrowsIsBounded},
		{"names in bodies", TestNameMayStandInTheBody},
		{"compressed", TestBodiesMayBeCompressed},
		{"verdicts", TestVerdictsFallInOrder},
		{"headers", TestAnswersHaveTheseHeadersAndNoOthers},
		{"no token told", TestLogsAndAnswersHoldNoToken},
		{"bad requests", TestBadRequestsAreRefused},
		{"wrong method", TestWrongMethodIsToldTheRightOnes},
		{"heartbeat", TestHeartbeatNeedsNoToken},
		{"tokens", TestTokenIsFoundInEachPlace},
		{"busy", TestBusyServerAsksToTryAgain},
		{"rate", TestClientIsHeldToItsRate},
		{"rate, batch", TestEachEntryOfABatchCounts},
		{"rate, subject", TestTokensSubjectIsTheClient},
		{"rate, forwarded", TestForwardedForCountsFromTrustedProxiesOnly},
		{"series", TestNewSeriesAreLimited},
		{"scope", TestTokenLimitsWhatIsWritten},
		{"origins", TestForeignOriginsAreRefused},
	} {
		t.Run(one.name, one.test)
	}
}
