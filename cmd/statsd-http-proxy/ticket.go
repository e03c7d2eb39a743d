package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"os"
	"strings"
)

// ticketKeys are the keys of TLS session tickets in a file, which can be reloaded.
type ticketKeys struct {
	file   string
	loaded [][sha256.Size]byte
}

// ticketKeySize is the number of bytes of a key in the file. nginx has keys of the same
// size, without base64.
const ticketKeySize = 48

// load reads the file. On an error the keys that were loaded before stay.
func (k *ticketKeys) load() error {
	text, err := os.ReadFile(k.file)
	if err != nil {
		return fmt.Errorf("load the keys of TLS tickets: %w", err)
	}
	keys, err := parseTicketKeys(text)
	if err != nil {
		return fmt.Errorf("load the keys of TLS tickets: %s: %w", k.file, err)
	}
	k.loaded = keys
	return nil
}

// parseTicketKeys returns the keys of a file, as crypto/tls takes them: it needs 32
// bytes, so that each key is hashed. Its errors do not contain a key.
func parseTicketKeys(text []byte) (keys [][sha256.Size]byte, err error) {
	lines := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(text, byteOrderMark)))
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := base64.StdEncoding.DecodeString(line)
		if err != nil || len(key) != ticketKeySize {
			return nil, fmt.Errorf("line %d: want %d bytes in base64, as of: openssl rand -base64 %d", number, ticketKeySize, ticketKeySize)
		}
		keys = append(keys, sha256.Sum256(key))
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("there is no key: want %d bytes in base64 on a line, as of: openssl rand -base64 %d", ticketKeySize, ticketKeySize)
	}
	return keys, nil
}

// reloadTicketKeys loads the keys of TLS tickets again and gives them to the server.
func (a *app) reloadTicketKeys() error {
	err := a.tickets.load()
	if err == nil {
		a.server.SetTicketKeys(a.tickets.loaded)
	}
	return err
}
