package standin

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// RefusalError is why somebody is not let in.
type RefusalError struct {
	Status int `json:"-"` // of HTTP
	// InternalErrorCode is a number in the manner of the real service, whose table
	// is not published: these are the stand-in's own.
	InternalErrorCode int    `json:"internalErrorCode"`
	Message           string `json:"message"`
}

// Error implements error.
func (r *RefusalError) Error() string { return r.Message }

// codeVerifierMissing is the one code whose meaning is known.
const codeVerifierMissing = 1057

// The stand-in's own internal error codes.
const (
	codeMalformed           = 9001
	codeUnknownAccount      = 9002
	codeUnknownConnector    = 9003
	codeUnknownSession      = 9004
	codeUnknownVersion      = 9005
	codeVerifierForeign     = 9006
	codeChecksFailed        = 9010
	codeNoConsumer          = 9020
	codeTokenExpired        = 9021
	codeAnother             = 9022
	codeUnknownConversation = 9023
	codeNoTokens            = 9030
	codeNotRenewed          = 9031
	codeNoAnswer            = 9040
	codeOurFault            = 9099
)

var errUnknownConnector = &RefusalError{
	Status: http.StatusNotFound, InternalErrorCode: codeUnknownConnector, Message: "the account has no such connector",
}

var errOurFault = &RefusalError{Status: http.StatusInternalServerError, InternalErrorCode: codeOurFault, Message: "the stand-in has failed"}

// refusalOf is the refusal that an error is; any other error is our fault.
func refusalOf(err error) *RefusalError {
	if refusal, ok := errors.AsType[*RefusalError](err); ok {
		return refusal
	}
	return errOurFault
}

func refuse(w http.ResponseWriter, refusal *RefusalError) { writeJSON(w, refusal.Status, refusal) }

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) //nolint:errchkjson // texts and numbers; the client has left: nobody to tell
}

// maxBody bounds what is read of a request or an answer, in bytes.
const maxBody = 64 << 10

// readJSON reads a request's body; an empty one leaves value as it is.
func readJSON(w http.ResponseWriter, r *http.Request, value any) *RefusalError {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil && len(body) > 0 {
		err = json.Unmarshal(body, value)
	}
	if err != nil {
		return &RefusalError{Status: http.StatusBadRequest, InternalErrorCode: codeMalformed, Message: "the body must be JSON of at most 64 KiB"}
	}
	return nil
}

// newID makes an id that nobody guesses: 128 random bits.
func (c *Cloud) newID() string {
	random := make([]byte, 16)
	if _, err := io.ReadFull(c.opts.Rand, random); err != nil {
		panic("stand-in: no randomness: " + err.Error()) // the system's source never fails
	}
	return hex.EncodeToString(random)
}
