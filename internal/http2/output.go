package http2

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/net/http2"
)

// output is what a connection has to write. An idle connection has none.
type output struct {
	buffer  []byte
	framer  *http2.Framer // writes to buffer
	encoder headEncoder
}

// Write appends text to the buffer.
func (o *output) Write(text []byte) (int, error) {
	o.buffer = append(o.buffer, text...)
	return len(text), nil
}

var outputs = sync.Pool{New: func() any {
	o := new(output)
	o.framer = http2.NewFramer(o, nil)
	o.encoder.init()
	return o
}}

// startOutput returns the output, to which the caller appends whole frames.
func (c *conn) startOutput() *output {
	if c.out == nil {
		c.out = outputs.Get().(*output)
	}
	return c.out
}

// dropOutput gives the output back.
func (c *conn) dropOutput() {
	if c.out != nil {
		if c.out.buffer = c.out.buffer[:0]; cap(c.out.buffer) > 4*maxOutput {
			c.out.buffer = nil
		}
		outputs.Put(c.out)
		c.out = nil
	}
}

// limitOutput follows each request and each frame that is answered. It checks the credit. If
// there is much output, it writes that and lets other connections run.
func (c *conn) limitOutput() error {
	if c.credit.left < 0 {
		if err := c.take(0); err != nil {
			return err
		}
	}
	if c.out == nil || len(c.out.buffer) < maxOutput {
		return nil
	}
	err := c.flush()
	runtime.Gosched()
	return err
}

// flush writes the output. It returns an error if the client does not read. If the client
// is gone, flush drops the output: requests that have arrived are still served.
func (c *conn) flush() error {
	if c.out == nil {
		return nil
	}
	if c.writeErr == nil {
		c.writeErr = c.write(c.out.buffer)
	}
	c.dropOutput()
	c.observe()
	if errors.Is(c.writeErr, os.ErrDeadlineExceeded) {
		return c.writeErr
	}
	return nil
}

// observe counts the durations of the requests that have just been answered.
func (c *conn) observe() {
	if c.unobserved == 0 {
		return
	}
	took := time.Since(c.now)
	for ; c.unobserved > 0; c.unobserved-- {
		c.Stats.ObserveDuration(took)
	}
}

// write writes text within the write timeout.
func (c *conn) write(text []byte) error {
	if err := c.written.Extend(time.Now(), c.server.options.WriteTimeout, c.SetWriteDeadline); err != nil {
		return err
	}
	_, err := c.Conn.Write(text)
	return err
}

// firstFrames returns the frames that a server sends first (RFC 9113, section 3.4).
func firstFrames() []byte {
	o := new(output)
	framer := http2.NewFramer(o, nil)
	// Writes to memory do not fail.
	_ = framer.WriteSettings(
		http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: maxStreams},
		http2.Setting{ID: http2.SettingInitialWindowSize, Val: streamWindow},
		http2.Setting{ID: http2.SettingMaxHeaderListSize, Val: maxHeaderString},
	)
	_ = framer.WriteWindowUpdate(0, connWindow-defaultWindow)
	return o.buffer
}

func (c *conn) writeGoAway(lastID uint32, code http2.ErrCode) {
	_ = c.startOutput().framer.WriteGoAway(lastID, code, nil) // to memory
}

func (c *conn) writeWindowUpdate(id uint32, more int64) {
	_ = c.startOutput().framer.WriteWindowUpdate(id, uint32(more)) // to memory
}

// writeContinue asks the client to send a body.
func (c *conn) writeContinue(id uint32) {
	o := c.startOutput()
	o.encoder.begin(c.isFirstHead())
	o.encoder.add(":status", "100")
	_ = o.framer.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: o.encoder.block, EndHeaders: true}) // to memory
}
