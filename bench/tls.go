//go:build linux

package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// writeCertificate writes a certificate for 127.0.0.1 and its key into dir and
// returns the names of the files.
func writeCertificate(dir string) (cert, key string, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", "", err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	certDER, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return "", "", err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", err
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	return cert, key, errors.Join(
		os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certDER}), 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600),
	)
}

// dialTLS connects to 127.0.0.1:port, whose certificate is of no interest, for
// the given protocol.
func dialTLS(port int, protocol string) (*tls.Conn, error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: answerTime}, "tcp", address(port),
		&tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}})
	if err != nil {
		return nil, err
	}
	if got := conn.ConnectionState().NegotiatedProtocol; got != protocol && (got != "" || protocol == "h2") {
		conn.Close()
		return nil, fmt.Errorf("the server speaks %q, want %q", got, protocol)
	}
	return conn, nil
}

// secureLoad is the load for HTTP/1.1 over TLS: a goroutine a connection.
type secureLoad struct{ conns []*secureConn }

type secureConn struct {
	*tls.Conn
	answer answer
}

// newSecureLoad opens connections to 127.0.0.1:port. The caller closes the load.
func newSecureLoad(port, connections int) (*secureLoad, error) {
	l := &secureLoad{}
	for range connections {
		conn, err := dialTLS(port, "http/1.1")
		if err != nil {
			l.close()
			return nil, fmt.Errorf("connect to port %d: %w", port, err)
		}
		l.conns = append(l.conns, &secureConn{Conn: conn})
	}
	return l, nil
}

func (l *secureLoad) close() {
	for _, c := range l.conns {
		c.Close()
	}
}

func (l *secureLoad) run(n int, request func(conn int) []byte) error {
	var left atomic.Int64
	left.Store(int64(n))
	errs := make([]error, len(l.conns))
	var running sync.WaitGroup
	for i, c := range l.conns {
		running.Go(func() {
			errs[i] = c.SetDeadline(time.Now().Add(answerTime))
			for errs[i] == nil && left.Add(-1) >= 0 {
				errs[i] = c.exchange(request(i))
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// exchange sends a request and receives the answer.
func (c *secureConn) exchange(request []byte) error {
	if _, err := c.Write(request); err != nil {
		return fmt.Errorf("send a request: %w", err)
	}
	for {
		n, err := c.Read(c.answer.room())
		if err == io.EOF {
			return errClosed
		}
		if err != nil {
			return fmt.Errorf("read an answer: %w", err)
		}
		if done, err := c.answer.add(n); done || err != nil {
			return err
		}
	}
}
