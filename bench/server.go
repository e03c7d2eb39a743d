//go:build linux

package main

import (
	"slices"
	"strconv"
)

// kind is a kind of server.
type kind int

const (
	kindProxy kind = iota // takes the flags of the proxy
	kindEmpty             // takes the arguments of serveEmpty
	kindNginx             // reads a configuration that writeNginxConf writes
)

// contender is a server that is measured.
type contender struct {
	name    string
	command []string // the program and its arguments, without the options of a row
	kind    kind
}

// runningServer is a started contender.
type runningServer struct {
	*process
	*costs
	sink *sink // receives the server's lines; nil for servers other than proxies
	load *load
}

// start starts a contender on the given processors and returns when it accepts
// connections. options are added to the flags of a proxy. The caller must call
// stop.
func (b *bench) start(c contender, cpus []int, protocol string, options []string) (*runningServer, error) {
	port, err := b.ports.free()
	if err != nil {
		return nil, err
	}
	r := &runningServer{costs: &costs{contender: c}}
	command := slices.Clone(c.command)
	switch c.kind {
	case kindEmpty:
		command = append(command, protocol, address(port), b.cert, b.key)
	case kindNginx:
		dir, err := b.writeNginxConf(protocol, port)
		if err != nil {
			return nil, err
		}
		command = append(command, "-e", "stderr", "-p", dir, "-c", nginxConfFile)
	case kindProxy:
		if r.sink, err = startSink(); err != nil {
			return nil, err
		}
		command = append(command, "--http-host=127.0.0.1", "--http-port="+strconv.Itoa(port),
			"--http-timeout-read=60", "--http-timeout-idle=60", // the servers wait for their turns, and for the load to connect
			"--statsd-host=127.0.0.1", "--statsd-port="+strconv.Itoa(r.sink.port()))
		if protocol != protocolHTTP1 {
			command = append(command, "--tls-cert="+b.cert, "--tls-key="+b.key)
		}
		command = append(command, options...)
	}
	if r.process, err = startProcess(c.name, port, cpus, command...); err == nil {
		err = r.waitReady()
	}
	if err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

// connect opens the connections of a row's load, which has processors of its own.
func (b *bench) connect(s *runningServer, r *row) (err error) {
	if s.load, err = newLoad(r.protocol, s.port, r.connections(b), max(1, r.streams)); err == nil {
		s.load.neverSleeps = true
	}
	return err
}

func (r *runningServer) stop() {
	if r.load != nil {
		r.load.close()
	}
	if r.process != nil {
		r.process.stop()
	}
	if r.sink != nil {
		r.sink.close()
	}
}
