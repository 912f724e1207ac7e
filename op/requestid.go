package op

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
	"time"
)

// requestLimit bounds what one request may wait for the database in all. After
// it the answer is 503.
const requestLimit = 10 * time.Second

type (
	requestIDKey     struct{}
	clientContextKey struct{}
)

// RequestID gives the id of the request that ctx belongs to, "" outside one.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// WithRequestID gives every request an id of its own, which error pages show and
// log lines bear. Nothing that a client sends is taken for one.
//
// The request's context also gets a limit of its own, and no longer ends with
// the client's connection: a statement that is cut off in the middle costs the
// connection to the database, so whoever hangs up would slow everybody down.
func WithRequestID(rand io.Reader, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		random := make([]byte, 9)
		if _, err := io.ReadFull(rand, random); err != nil {
			http.Error(w, "no randomness", http.StatusInternalServerError)
			return
		}
		client := r.Context()
		ctx, cancel := context.WithTimeout(context.WithoutCancel(client), requestLimit)
		defer cancel()
		ctx = context.WithValue(ctx, requestIDKey{}, base64.RawURLEncoding.EncodeToString(random))
		next.ServeHTTP(w, r.WithContext(context.WithValue(ctx, clientContextKey{}, client)))
	})
}

// clientContext ends when the client hangs up. It is for waiting that nobody
// needs then, such as the queue for a password hash.
func clientContext(r *http.Request) context.Context {
	if client, ok := r.Context().Value(clientContextKey{}).(context.Context); ok {
		return client
	}
	return r.Context()
}
