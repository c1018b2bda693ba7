package controller

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
)

// apiError is the error of one topic, partition, resource or feature in a response, with its message (ApiError). Nil means
// success. Messages are those of Kafka, because users search for them; a response has null for an empty one.
type apiError struct {
	err  *kerr.Error
	text string
}

// refuse returns an error with a message.
func refuse(err *kerr.Error, format string, args ...any) *apiError {
	return &apiError{err, fmt.Sprintf(format, args...)}
}

// code returns the code for a response, 0 for nil.
func (a *apiError) code() int16 {
	if a == nil {
		return 0
	}
	return a.err.Code
}

// message returns the message for a response, nil if there is none.
func (a *apiError) message() *string {
	if a == nil || a.text == "" {
		return nil
	}
	return &a.text
}
