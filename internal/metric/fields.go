package metric

// Fields are the parameters of a metric as most programs write them. A decoder that
// finds a metric in this form can give it to AppendFields instead of filling a Metric.
type Fields struct {
	Kind  Kind
	Name  []byte
	Value Value
	Rate  []byte // the sample rate, a JSON number; empty for none
	Tags  []byte // such as env=prod,locale=en-us; empty for none
}

// TakesFields reports whether AppendFields takes typical metrics.
func (e *Encoder) TakesFields() bool { return e.fast.isEnabled && e.fast.hasTags }

// AppendFields appends the line of f to l, and describes it in w, if all of f is already in
// its final form, except for prefixes and the order of the tags. It is the fast path for
// typical entries of a batch in JSON, and for typical requests with one metric.
//
// The result is the same as that of calling Append with the same parameters. If
// AppendFields returns false, the metric may be valid or not, and nothing was appended.
func (e *Encoder) AppendFields(w *Written, l *Lines, f *Fields, scope *Scope) bool {
	if len(f.Name) == 0 || e.scanName(f.Name) != len(f.Name) || !e.kinds.Has(f.Kind) || !e.isFinalValue(f) {
		return false
	}
	if len(f.Name)+len(f.Tags)+len(f.Value.Text) > e.maxLine {
		return false // before dst grows
	}
	rate := 1.0
	if len(f.Rate) > 0 {
		if rate = finalRate(f.Rate); rate == 0 || !kinds[f.Kind].hasRate {
			return false
		}
	}
	isSorted, isChecked := true, true // the tags
	if len(f.Tags) > 0 && l.lengthOfLastTags(f.Tags) != len(f.Tags) {
		var end int
		if end, isSorted = e.scanTags(f.Tags, 0, scope); end != len(f.Tags) {
			return false
		}
		isChecked = false
	}
	dst, start := e.appendStart(l.Bytes)
	if scope != nil && len(scope.Prefix) > 0 {
		var err error
		if dst, err = e.appendPrefix(dst, scope.Prefix); err != nil {
			return false
		}
	}
	dst = append(dst, f.Name...)
	nameEnd := len(dst)
	switch {
	case len(f.Tags) == 0:
	case isSorted:
		dst = append(append(dst, ','), f.Tags...)
	default:
		if dst = appendInOrder(dst, f.Tags); dst == nil {
			return false
		}
	}
	colon := len(dst)
	dst = append(append(dst, ':'), f.Value.Text...)
	dst = append(append(dst, '|'), kinds[f.Kind].letters...)
	if rate < 1 {
		dst = append(append(dst, '|', '@'), f.Rate...)
	}
	if len(dst)-start > e.maxLine || e.isRejectedName(f.Kind, dst[start:nameEnd], len(f.Name), scope) {
		return false
	}
	l.Bytes, l.Ends = dst, append(l.Ends, len(dst))
	if !isChecked {
		l.lastTags, l.lastTagsEnd = nameEnd+len(","), colon
	}
	e.describe(w, f.Kind, dst[start:colon], nameEnd-start, rate)
	w.Rate, w.HasKnownTags = rate, isChecked
	return true
}

// isFinalValue reports whether the value of f is valid and is written unchanged.
func (e *Encoder) isFinalValue(f *Fields) bool {
	if f.Kind == Set && f.Value.Form == String {
		return e.checkSet(f.Value.Text) == nil && !e.replacesNonASCII
	}
	return isShortInteger(f.Value.Text)
}
