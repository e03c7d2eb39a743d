//go:build linux

package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// writeProfile writes a CPU profile of the proxy to a file, for the compiler (go help
// build, -pgo). It has the work for each row in names, a comma-separated list. Each row
// has the same weight.
func (b *bench) writeProfile(to, names string) error {
	rows, err := newRows()
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(rows, func(r row) bool { return r.metrics == 0 }) // they have no proxy
	if rows, _, err = selectNames(rows, nil, strings.Split(names, ",")); err != nil {
		return err
	}
	if err := pinSelf(b.client); err != nil {
		return err
	}
	merge := exec.Command("go", "tool", "pprof", "-proto", "-output", to)
	for i := range rows {
		file := filepath.Join(b.dir, rows[i].name+".pprof")
		if err := b.profile(file, &rows[i]); err != nil {
			return fmt.Errorf("profile the row %s: %w", rows[i].name, err)
		}
		merge.Args = append(merge.Args, file)
	}
	if output, err := merge.CombinedOutput(); err != nil {
		return fmt.Errorf("merge the profiles: %w\n%s", err, output)
	}
	return nil
}

// profile writes a CPU profile of the proxy under the load of a row to a file.
func (b *bench) profile(to string, r *row) error {
	port, err := b.ports.free()
	if err != nil {
		return err
	}
	server, err := b.start(b.proxy, b.server, r.protocol, append([]string{"--admin-listen=" + address(port)}, r.options...))
	if err != nil {
		return err
	}
	defer server.stop()
	if err := b.connect(server, r); err != nil {
		return err
	}
	return onThread(b.client, func() error {
		request := r.requests(r.connections(b))
		fetched := make(chan error, 1)
		go func() { fetched <- fetchProfile(to, port, b.profileSeconds) }()
		for {
			select {
			case err := <-fetched:
				return err
			default:
			}
			if err := server.load.run(r.turnRequests, request); err != nil {
				return err
			}
		}
	})
}

// fetchProfile has the program with the admin listener on a port make a CPU profile, and
// writes it to a file.
func fetchProfile(to string, port, seconds int) error {
	client := http.Client{Timeout: time.Duration(seconds)*time.Second + responseTimeout}
	response, err := client.Get("http://" + address(port) + "/debug/pprof/profile?seconds=" + strconv.Itoa(seconds))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("got %s", response.Status)
	}
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o644)
}
