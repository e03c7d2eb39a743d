package exchange

import (
	"sync"
	"sync/atomic"
)

// minBudget is the minimum budget in bytes for the bodies of all requests together.
const minBudget = 32 << 20

// BodyBudget bounds the memory that all bodies take together while they are read.
type BodyBudget struct {
	max  int64
	used atomic.Int64
}

// NewBodyBudget returns a budget for bodies of up to maxBody bytes each: 32 MiB, or
// two bodies if they are larger.
func NewBodyBudget(maxBody int) *BodyBudget {
	return &BodyBudget{max: int64(max(minBudget, 2*maxBody))}
}

// Used returns how many bytes are reserved.
func (b *BodyBudget) Used() int64 { return b.used.Load() }

// BodyBuffer is memory for one body. Its zero value is empty. The budget has to be
// the same in all calls.
type BodyBuffer struct {
	memory   *[]byte // from bodyPool, nil if there is none
	reserved int     // bytes of the budget
}

// maxKeptBody is the maximum size in bytes of memory that is kept for other bodies.
const maxKeptBody = 256 << 10

var bodyPool = sync.Pool{New: func() any { return new([]byte) }}

// Reserved returns how many bytes of the budget are reserved for the body.
func (b *BodyBuffer) Reserved() int { return b.reserved }

// Reserve raises the reservation to n bytes. It returns a 503 if the budget is used
// up.
func (b *BodyBuffer) Reserve(budget *BodyBudget, n int) *HTTPError {
	more := int64(n - b.reserved)
	if budget.used.Add(more) > budget.max {
		budget.used.Add(-more)
		return Busy("too many large bodies arrive at once")
	}
	b.reserved = n
	return nil
}

// Grow returns dst with a capacity of at least need bytes. In the first call dst is nil.
// In later calls it is the result of the previous call, to which the caller may have
// appended. If Grow must allocate, it allocates at least the reserved number of bytes.
func (b *BodyBuffer) Grow(dst []byte, need int) []byte {
	if b.memory == nil {
		b.memory = bodyPool.Get().(*[]byte)
		dst = (*b.memory)[:0]
	}
	if cap(dst) < need {
		dst = append(make([]byte, 0, max(need, b.reserved)), dst...)
		*b.memory = dst
	}
	return dst
}

// Release gives back the memory and the reservation. The body is not valid
// afterwards.
func (b *BodyBuffer) Release(budget *BodyBudget) {
	if b.memory == nil {
		return
	}
	if cap(*b.memory) <= maxKeptBody {
		bodyPool.Put(b.memory)
	}
	budget.used.Add(int64(-b.reserved))
	b.memory, b.reserved = nil, 0
}
