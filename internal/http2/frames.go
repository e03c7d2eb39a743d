package http2

import (
	"encoding/binary"
	"errors"

	"golang.org/x/net/http2"
)

// handle handles a frame that has arrived as a whole. It reads frames that come with each
// request in place; the Framer would allocate memory for them.
func (c *conn) handle(frame http2.FrameHeader) error {
	c.hasWorked = true
	var err error
	payload := c.Input.Bytes()[:frame.Length]
	switch frame.Type {
	case http2.FrameHeaders:
		err = c.onHeaders(frame, payload)
	case http2.FrameContinuation:
		err = c.onFragment(payload, frame.Flags.Has(http2.FlagContinuationEndHeaders))
	case http2.FrameData:
		err = c.onData(frame, payload)
	case http2.FramePushPromise:
		err = http2.ConnectionError(http2.ErrCodeProtocol)
	case http2.FrameGoAway:
		err = c.onGoAway(frame)
	case http2.FrameSettings, http2.FramePing, http2.FramePriority, http2.FrameRSTStream, http2.FrameWindowUpdate:
		return c.onControl(frame)
	default:
		err = c.take(costUnknown)
	}
	c.Input.Skip(int(frame.Length))
	return err
}

// onControl reads a frame with the Framer and handles it.
func (c *conn) onControl(header http2.FrameHeader) error {
	if header.Type == http2.FrameSettings && header.Length > maxSettings*6 {
		return errCalm
	}
	frame, err := c.framer.ReadFrameForHeader(header)
	if err != nil {
		var streamErr http2.StreamError
		if errors.As(err, &streamErr) {
			if c.isIdle(streamErr.StreamID) {
				return http2.ConnectionError(streamErr.Code)
			}
			return c.fail(streamErr.StreamID, streamErr.Code)
		}
		return err
	}
	switch frame := frame.(type) {
	case *http2.SettingsFrame:
		return c.onSettings(frame)
	case *http2.PingFrame:
		if !frame.IsAck() {
			_ = c.startOutput().framer.WritePing(true, frame.Data) // to memory
		}
		return c.takeAnswered(costPing)
	case *http2.PriorityFrame:
		if frame.StreamDep == frame.StreamID { // RFC 7540, section 5.3.1
			return c.fail(frame.StreamID, http2.ErrCodeProtocol)
		}
		return c.take(costPriority)
	case *http2.RSTStreamFrame:
		return c.onReset(frame.StreamID)
	case *http2.WindowUpdateFrame:
		return c.onWindowUpdate(frame.StreamID, int64(frame.Increment))
	}
	return nil
}

// takeAnswered is take for a frame that the proxy has answered.
func (c *conn) takeAnswered(cost int) error {
	if err := c.limitOutput(); err != nil {
		return err
	}
	return c.take(cost)
}

// isIdle reports whether no stream with an ID was opened (RFC 9113, section 5.1).
func (c *conn) isIdle(id uint32) bool { return id%2 == 0 || id > c.lastID }

// onGoAway checks a GOAWAY frame, which only refuses streams of the server.
func (c *conn) onGoAway(frame http2.FrameHeader) error {
	switch {
	case frame.StreamID != 0:
		return http2.ConnectionError(http2.ErrCodeProtocol)
	case frame.Length < 8:
		return http2.ConnectionError(http2.ErrCodeFrameSize)
	}
	return c.take(costUnknown)
}

// onReset ends a stream.
func (c *conn) onReset(id uint32) error {
	if c.isIdle(id) {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	if st := c.find(id); st != nil {
		c.abort(st)
	}
	return c.take(costReset)
}

// onSettings applies the settings of the client in their order, and acknowledges them.
func (c *conn) onSettings(frame *http2.SettingsFrame) error {
	if frame.IsAck() {
		return c.take(costUnknown)
	}
	if err := frame.ForeachSetting(c.onSetting); err != nil {
		return err
	}
	_ = c.startOutput().framer.WriteSettingsAck() // to memory
	c.unblock()
	return c.takeAnswered(costSettings)
}

func (c *conn) onSetting(s http2.Setting) error {
	if err := s.Valid(); err != nil {
		return err
	}
	switch s.ID {
	case http2.SettingMaxFrameSize:
		c.sendFrame = int(min(s.Val, maxFrame))
	case http2.SettingInitialWindowSize:
		change := int64(s.Val) - c.sendInitial
		c.sendInitial = int64(s.Val)
		for _, st := range c.streams {
			if st.send += change; st.send > maxWindow {
				return http2.ConnectionError(http2.ErrCodeFlowControl) // RFC 9113, section 6.9.2
			}
		}
	}
	return nil
}

// onWindowUpdate lets more data be sent, on the connection if id is 0.
func (c *conn) onWindowUpdate(id uint32, more int64) error {
	if id == 0 {
		if c.send += more; c.send > maxWindow {
			return http2.ConnectionError(http2.ErrCodeFlowControl)
		}
		c.unblock()
		return c.take(costWindowUpdate)
	}
	if c.isIdle(id) {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	if st := c.find(id); st != nil {
		if st.send += more; st.send > maxWindow {
			return c.fail(id, http2.ErrCodeFlowControl)
		}
		c.unblockStream(st)
	}
	return c.take(costWindowUpdate)
}

// onHeaders begins a header block: that of a request, or trailers.
func (c *conn) onHeaders(frame http2.FrameHeader, payload []byte) error {
	id := frame.StreamID
	if id%2 == 0 {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	payload, padding, err := cutPadding(frame, payload)
	if err != nil {
		return err
	}
	dependsOn := uint32(0)
	if frame.Flags.Has(http2.FlagHeadersPriority) {
		if len(payload) < 5 {
			return http2.ConnectionError(http2.ErrCodeFrameSize)
		}
		dependsOn = binary.BigEndian.Uint32(payload) & maxStreamID
		payload = payload[5:]
	}
	if padding > len(payload) {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	payload = payload[:len(payload)-padding]
	if err := c.openHead(id, frame.Flags.Has(http2.FlagHeadersEndStream)); err != nil {
		return err
	}
	if dependsOn == id { // RFC 7540, section 5.3.1
		c.head.isMalformed = true
	}
	return c.onFragment(payload, frame.Flags.Has(http2.FlagHeadersEndHeaders))
}

// cutPadding returns the payload of a frame without the length of its padding, and that
// length.
func cutPadding(frame http2.FrameHeader, payload []byte) (rest []byte, padding int, err error) {
	if !frame.Flags.Has(http2.FlagDataPadded) {
		return payload, 0, nil
	}
	if len(payload) == 0 {
		return nil, 0, http2.ConnectionError(http2.ErrCodeFrameSize)
	}
	return payload[1:], int(payload[0]), nil
}
