package quote

import "fmt"

// inputError is an error about the input of a client. It makes its text when somebody
// reads it: in a batch with many bad entries, nobody reads most of the errors.
type inputError struct {
	format string // with %s for input and, if there is a cause, %w after it
	input  []byte
	cause  error
}

// Error returns an error with a text for which %s in format stands for the quoted input.
// The input must not change until the text is read.
func Error(format string, input []byte) error { return &inputError{format: format, input: input} }

// Wrap is Error for an error with a cause: %w in format, after %s, stands for it.
func Wrap(format string, input []byte, cause error) error {
	return &inputError{format, input, cause}
}

func (e *inputError) Error() string {
	if e.cause == nil {
		return fmt.Sprintf(e.format, Bytes(e.input))
	}
	return fmt.Errorf(e.format, Bytes(e.input), e.cause).Error()
}

func (e *inputError) Unwrap() error { return e.cause }
