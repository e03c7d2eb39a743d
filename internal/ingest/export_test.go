package ingest

// MaxRejections is how many rejected entries a response lists.
const MaxRejections = maxRejections

// How long a rejection for the rate is held back.
const (
	RateDelay     = rateDelay
	RateBodyDelay = rateBodyDelay
)

// Limits of the log.
const (
	RejectionsPerSecond = rejectionsPerSecond
	RejectionsBurst     = rejectionsBurst
	ForwardedPerSecond  = forwardedPerSecond
	ForwardedBurst      = forwardedBurst
)

// LogAll lifts the limit of the log of rejections.
func (h *Handler) LogAll() { h.rejectionLog.SetRate(1e9) }
