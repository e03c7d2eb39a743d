package transport

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
)

// handshakeApart does a handshake in a goroutine of its own. A handshake needs a larger
// stack than requests do, and the goroutine of the connection would keep it. A panic is
// logged and becomes errPanicked.
func (s *Server) handshakeApart(secure *tls.Conn) (err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if fault := recover(); fault != nil {
				s.logPanic(fault)
				err = errPanicked
			}
		}()
		err = secure.Handshake()
	}()
	<-done
	return err
}

var errPanicked = errors.New("the handshake has panicked")

// maxHelloPart is the maximum size in bytes of the parts of a ClientHello. With its
// header, a part fits into the first buffer of crypto/tls, which begins with room for
// bytes.MinRead bytes and grows to the size of the largest record.
const maxHelloPart = 500

// splitHello splits the record of a ClientHello into smaller ones, as RFC 8446, section
// 5.1, allows. A TLS connection keeps the buffer for its largest record, and the
// ClientHello is larger than most requests. If hello is not one complete record, splitHello
// returns it as it is.
func splitHello(hello []byte) []byte {
	if len(hello) <= recordHeader+maxHelloPart || len(hello) != recordHeader+int(binary.BigEndian.Uint16(hello[3:])) {
		return hello
	}
	typeAndVersion, body := hello[:3], hello[recordHeader:]
	parts := make([]byte, 0, len(hello)+len(body)/maxHelloPart*recordHeader)
	for len(body) > 0 {
		part := body[:min(len(body), maxHelloPart)]
		body = body[len(part):]
		parts = append(parts, typeAndVersion...)
		parts = binary.BigEndian.AppendUint16(parts, uint16(len(part)))
		parts = append(parts, part...)
	}
	return parts
}

// firstRecord returns the first record in b, or all of b if it holds less than that.
func firstRecord(b []byte) []byte {
	if len(b) < recordHeader {
		return b
	}
	return b[:min(len(b), recordHeader+int(binary.BigEndian.Uint16(b[3:])))]
}
