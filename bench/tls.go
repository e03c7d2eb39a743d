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

// writeCertificate writes a self-signed certificate for 127.0.0.1 and its key to
// files in dir. It returns the names of the files.
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

// dialTLS connects to 127.0.0.1:port without verifying the certificate. protocol
// is the ALPN protocol.
func dialTLS(port int, protocol string) (*tls.Conn, error) {
	conn, err := tls.DialWithDialer(&net.Dialer{Timeout: responseTimeout}, "tcp", address(port),
		&tls.Config{InsecureSkipVerify: true, NextProtos: []string{protocol}})
	if err != nil {
		return nil, err
	}
	if got := conn.ConnectionState().NegotiatedProtocol; got != protocol && (got != "" || protocol == "h2") {
		conn.Close()
		return nil, fmt.Errorf("the server chose the protocol %q, want %q", got, protocol)
	}
	return conn, nil
}

// tlsLoad is the load for HTTP/1.1 over TLS. Each connection has a goroutine.
type tlsLoad struct{ conns []*tlsConn }

type tlsConn struct {
	*tls.Conn
	response response
}

// newTLSLoad opens connections to 127.0.0.1:port. The caller must close the load.
func newTLSLoad(port, connections int) (*tlsLoad, error) {
	l := &tlsLoad{}
	for range connections {
		conn, err := dialTLS(port, "http/1.1")
		if err != nil {
			l.close()
			return nil, fmt.Errorf("connect to port %d: %w", port, err)
		}
		l.conns = append(l.conns, &tlsConn{Conn: conn})
	}
	return l, nil
}

func (l *tlsLoad) close() {
	for _, c := range l.conns {
		c.Close()
	}
}

func (l *tlsLoad) run(n int, request func(conn int) []byte) error {
	var left atomic.Int64
	left.Store(int64(n))
	errs := make([]error, len(l.conns))
	var running sync.WaitGroup
	for i, c := range l.conns {
		running.Go(func() {
			errs[i] = c.SetDeadline(time.Now().Add(responseTimeout))
			for errs[i] == nil && left.Add(-1) >= 0 {
				errs[i] = c.exchange(request(i))
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// exchange sends a request and receives the response.
func (c *tlsConn) exchange(request []byte) error {
	if _, err := c.Write(request); err != nil {
		return fmt.Errorf("send a request: %w", err)
	}
	for {
		n, err := c.Read(c.response.room())
		if err == io.EOF {
			return errClosed
		}
		if err != nil {
			return fmt.Errorf("read a response: %w", err)
		}
		if done, err := c.response.add(n); done || err != nil {
			return err
		}
	}
}
