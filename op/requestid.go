package op

import (
	"context"
	"encoding/base64"
	"io"
	"net/http"
)

type requestIDKey struct{}

// RequestID gives the id of the request that ctx belongs to, "" outside one.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// WithRequestID gives every request an id of its own, which error pages show and
// log lines bear. Nothing that a client sends is taken for one.
func WithRequestID(rand io.Reader, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		random := make([]byte, 9)
		if _, err := io.ReadFull(rand, random); err != nil {
			http.Error(w, "no randomness", http.StatusInternalServerError)
			return
		}
		id := base64.RawURLEncoding.EncodeToString(random)
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id)))
	})
}
