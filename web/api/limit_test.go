package api_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/textproto"
	"strings"
	"testing"

	"github.com/brandidp/idp/web/webtest"
)

// begin begins to send a batch of the largest size, and comes back when its body is read.
func begin(t *testing.T, p *webtest.Provider, key string) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(p.Address, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_, err = fmt.Fprintf(conn, "POST /api/v1/consumers/batch HTTP/1.1\r\nHost: idp\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", key, 8<<20)
	if err != nil {
		t.Fatal(err)
	}
	if status, err := textproto.NewReader(bufio.NewReader(conn)).ReadLine(); err != nil || status != "HTTP/1.1 100 Continue" {
		t.Fatal(status, err)
	}
	return conn
}

// However many large bodies are sent at once, few are in memory.
func TestLargeBodiesAreBoundedTogether(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key, other := readWrite(p), readWrite(p)
	small := `{"consumers":[{"sub":"a"}]}`
	large := small + strings.Repeat(" ", 256<<10)
	var begun []net.Conn
	for range 4 {
		begun = append(begun, begin(t, p, key))
	}
	reply := p.Call(other, "POST", "/consumers/batch", large)
	if got := wantProblem(t, reply, http.StatusServiceUnavailable); got.Detail != "too many large bodies are being read at once; try again shortly" || reply.Header.Get("Retry-After") != "1" {
		t.Errorf("%v %v", got, reply.Header)
	}
	p.Call(key, "POST", "/consumers/batch", small).Want(http.StatusOK)
	if err := begun[0].Close(); err != nil {
		t.Fatal(err)
	}
	webtest.Eventually(t, "there is room again", func() bool { return p.Call(other, "POST", "/consumers/batch", large).Status == http.StatusOK })
}
