package servers

import (
	"fmt"
	"maps"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// gostatsd is a UDP server that reads lines as gostatsd does, which is not available
// as a Go module:
//
//   - It stamps a datagram once. A gauge replaces one with an older stamp only, so the
//     first of several gauges in a datagram remains.
//   - A gauge with a sign is a level, not a change.
//   - It reads one value per line, and knows the types c, g, ms, h and s.
type gostatsd struct {
	mu       sync.Mutex
	datagram int // the stamp
	all      stored
	stamps   map[string]int // of gauges
	members  map[string]bool
	faults   []string
}

// startGostatsd starts a gostatsd on a free port.
func startGostatsd(t *testing.T, _ string) *receiver {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gostatsd{all: stored{}, stamps: map[string]int{}, members: map[string]bool{}}
	var running sync.WaitGroup
	running.Go(func() {
		for buffer := make([]byte, 64<<10); ; {
			n, _, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			g.readDatagram(string(buffer[:n]))
		}
	})
	t.Cleanup(func() {
		conn.Close()
		running.Wait()
	})
	all := func() stored {
		g.mu.Lock()
		defer g.mu.Unlock()
		return maps.Clone(g.all)
	}
	return &receiver{
		port: strconv.Itoa(conn.LocalAddr().(*net.UDPAddr).Port), gauges: all, all: all,
		faults: func() float64 {
			g.mu.Lock()
			defer g.mu.Unlock()
			return float64(len(g.faults))
		},
		check: func(t *testing.T) {
			t.Helper()
			g.mu.Lock()
			defer g.mu.Unlock()
			for _, fault := range g.faults {
				t.Errorf("gostatsd does not understand %s", fault)
			}
		},
	}
}

func (g *gostatsd) readDatagram(text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.datagram++
	for line := range strings.SplitSeq(text, "\n") {
		if err := g.readLine(line); err != nil && text != "" { // the proxy probes with empty datagrams
			g.faults = append(g.faults, fmt.Sprintf("%q: %v", line, err))
		}
	}
}

// readLine reads name:value|type|@rate|#key:value,key:value.
func (g *gostatsd) readLine(line string) error {
	name, rest, ok := strings.Cut(line, ":")
	fields := strings.Split(rest, "|")
	if !ok || name == "" || len(fields) < 2 {
		return fmt.Errorf("want name:value|type")
	}
	rate, tags := 1.0, []string(nil)
	for _, field := range fields[2:] {
		switch {
		case strings.HasPrefix(field, "@"):
			var err error
			if rate, err = strconv.ParseFloat(field[1:], 64); err != nil {
				return err
			}
		case strings.HasPrefix(field, "#"):
			tags = strings.Split(strings.ReplaceAll(field[1:], ":", "="), ",")
		default:
			return fmt.Errorf("unknown field %q", field)
		}
	}
	series := func(suffix string) string { return seriesName(name, suffix, tags) }
	value, err := strconv.ParseFloat(fields[0], 64)
	switch kind := fields[1]; {
	case kind == "s":
		if member := series("") + " " + fields[0]; !g.members[member] {
			g.members[member] = true
			g.all[series(".members")]++
		}
	case err != nil:
		return err
	case kind == "c":
		g.all[series("")] += value / rate
	case kind == "g":
		if g.stamps[series("")] < g.datagram {
			g.stamps[series("")], g.all[series("")] = g.datagram, value
		}
	case kind == "ms" || kind == "h":
		g.all[series(".count")] += 1 / rate
		g.all[series(".sum")] += value / rate
	default:
		return fmt.Errorf("unknown type %q", kind)
	}
	return nil
}
