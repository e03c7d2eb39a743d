package exchange

import (
	"log/slog"
	"runtime/debug"
)

// LogPanic logs a panic with its stack. Call it where the panic was recovered.
func LogPanic(log *slog.Logger, fault any) {
	log.Error("panic", "fault", fault, "stack", string(debug.Stack()))
}
