package ingest_test

import (
	"testing"

	"statsd-http-proxy/internal/proxytest"
)

// TestHTTP2RespondsAsHTTP1 runs the tests of responses over HTTP/2.
func TestHTTP2RespondsAsHTTP1(t *testing.T) {
	proxytest.OverHTTP2 = true
	defer func() { proxytest.OverHTTP2 = false }()
	for _, tt := range []struct {
		name string
		test func(*testing.T)
	}{
		{"forwards", TestMetricsAreForwarded},
		{"form data", TestFormDataIsForwarded},
		{"prefix", TestEachNameGetsThePrefix},
		{"batches", TestBatchesAreForwarded},
		{"bad batches", TestBadBatchesSendNothing},
		{"large batch", TestBatchOf10000EntriesKeepsItsOrder},
		{"growing batch", TestLinesOfABatchAreBounded},
		{"names in bodies", TestNameMayBeInTheBody},
		{"compressed", TestBodiesMayBeCompressed},
		{"order of checks", TestChecksHaveAFixedOrder},
		{"headers", TestResponsesHaveTheseHeadersAndNoOthers},
		{"no token in logs", TestLogsAndResponsesHoldNoToken},
		{"bad requests", TestBadRequestsAreRejected},
		{"bad escapes", TestBadEscapesAreRejected},
		{"wrong method", TestWrongMethodGetsTheAllowedOnes},
		{"heartbeat", TestHeartbeatNeedsNoToken},
		{"tokens", TestTokenIsFoundInEachPlace},
		{"server", TestServerAsAWhole},
		{"full queue", TestFullQueueAsksToRetry},
		{"rate", TestRateOfAClientIsLimited},
		{"rate, batch", TestEachEntryOfABatchIsCharged},
		{"rate, subject", TestTokensSubjectIsTheClient},
		{"rate, forwarded", TestForwardedForCountsFromTrustedProxiesOnly},
		{"series", TestNewSeriesAreLimited},
		{"claims", TestTokensCarryLimits},
		{"tag keys", TestTagKeysAreLimited},
		{"rate, bytes", TestBytesOfABodyAreCharged},
		{"counters, metrics", TestMetricsAreCountedByTypeAndReason},
		{"counters, limits", TestRejectionsByLimitsAreCounted},
		{"counters, tokens", TestTokensAndRequestsAreCounted},
		{"ratio", TestRatioOfACompressedBodyIsLimited},
		{"scope", TestTokenLimitsTheMetrics},
		{"origins", TestForeignOriginsAreRejected},
	} {
		t.Run(tt.name, tt.test)
	}
}
