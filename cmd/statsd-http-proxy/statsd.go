package main

import (
	"statsd-http-proxy/internal/config"
	"statsd-http-proxy/internal/demo"
	"statsd-http-proxy/internal/logbuf"
	"statsd-http-proxy/internal/sender"
)

func (a *app) startDemo() (err error) {
	if !a.config.Demo {
		return nil
	}
	a.printed = logbuf.New(a.stdout, maxDemoBytes, func(dropped uint64) {
		a.log.Warn("lines of the demo dropped, because standard output is read too slowly", "datagrams", dropped)
	})
	a.demo, err = demo.Start(a.printed)
	return err
}

func (a *app) stopDemo() {
	if a.demo != nil {
		a.demo.Close()
	}
	if a.printed != nil {
		ctx, cancel := a.flushContext()
		defer cancel()
		a.printed.Close(ctx)
	}
}

func (a *app) startSender() (err error) {
	a.sender, err = sender.New(a.senderOptions())
	return err
}

// senderOptions returns the settings of the sender.
func (a *app) senderOptions() sender.Options {
	c := a.config
	o := sender.Options{
		Network:         c.StatsDNetwork,
		Address:         c.StatsDAddress(),
		DatagramBytes:   datagramBytes(c),
		QueueBytes:      c.StatsDBuffer,
		ResolveInterval: c.StatsDResolveInterval,
		Logger:          a.log,
	}
	if a.demo != nil {
		o.Network, o.Address = sender.UDP, a.demo.Address()
	}
	return o
}

// datagramBytes returns how many bytes of lines a datagram may hold.
func datagramBytes(c *config.Config) int {
	if c.StatsDMaxDatagram != 0 {
		return c.StatsDMaxDatagram
	}
	return sender.DatagramSize(c.StatsDNetwork)
}

func (a *app) stopSender() {
	if a.sender != nil {
		ctx, cancel := a.deadline(sendFraction)
		defer cancel()
		a.sender.Close(ctx)
	}
}
