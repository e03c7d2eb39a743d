// Command telegraf is Telegraf's agent with the plugins that the tests use: the
// input statsd and the outputs file and prometheus_client. The whole Telegraf
// takes minutes to build; this takes seconds and runs the same code.
//
// Usage: telegraf CONFIG
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/influxdata/telegraf/agent"
	"github.com/influxdata/telegraf/config"
	"github.com/influxdata/telegraf/logger"
	_ "github.com/influxdata/telegraf/plugins/inputs/statsd"
	_ "github.com/influxdata/telegraf/plugins/outputs/file"
	_ "github.com/influxdata/telegraf/plugins/outputs/prometheus_client"
	_ "github.com/influxdata/telegraf/plugins/serializers/influx"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: telegraf CONFIG")
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "telegraf:", err)
		os.Exit(1)
	}
}

// run runs the agent with the configuration file at path until ctx ends.
func run(ctx context.Context, path string) error {
	c := config.NewConfig()
	if err := c.LoadConfig(path); err != nil {
		return fmt.Errorf("read the configuration: %w", err)
	}
	if err := logger.SetupLogging(&logger.Config{}); err != nil {
		return fmt.Errorf("set up the log: %w", err)
	}
	return agent.NewAgent(c).Run(ctx)
}
