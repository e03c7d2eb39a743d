package main

import (
	"fmt"
	"io"
	"log/slog"

	"statsd-http-proxy/internal/config"
)

// newLogger returns the logger that the options ask for. Both formats have the same keys
// and the same values.
func newLogger(w io.Writer, c *config.Config) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(c.LogLevel)) // config has checked it
	if c.Verbose {
		level = slog.LevelDebug
	}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: textValue}))
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level}))
}

// textValue writes a duration, and a value that can be written as text, as the text
// format does. In JSON they would be numbers and objects.
func textValue(_ []string, attr slog.Attr) slog.Attr {
	switch value := attr.Value; value.Kind() {
	case slog.KindDuration:
		attr.Value = slog.StringValue(value.Duration().String())
	case slog.KindAny:
		if s, ok := value.Any().(fmt.Stringer); ok {
			attr.Value = slog.StringValue(s.String())
		}
	}
	return attr
}
