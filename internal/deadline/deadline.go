// Package deadline moves the deadlines of connections, but seldom: setting one
// costs more than everything else that a small request needs of its connection.
package deadline

import "time"

// Deadline is a deadline of a connection. Its zero value is one that is not set.
type Deadline struct{ at time.Time }

// Extend makes sure that timeout is left until the deadline, and at most an eighth
// more. It calls set, a method such as net.Conn's SetReadDeadline, only if the
// current deadline is not within these bounds, and returns its error.
func (d *Deadline) Extend(now time.Time, timeout time.Duration, set func(time.Time) error) error {
	longest := timeout + timeout/8
	if left := d.at.Sub(now); timeout <= left && left <= longest {
		return nil
	}
	return d.Set(now.Add(longest), set)
}

// Set sets the deadline to at by calling set, and returns its error.
func (d *Deadline) Set(at time.Time, set func(time.Time) error) error {
	d.at = at
	return set(at)
}
