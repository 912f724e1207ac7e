package webtest

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A request can be carried out and its answer be lost, on the way to the browser
// (Browser.Lose) or on that from PostgreSQL (Counts.LoseCommit).

// loseHeader marks a request whose answer is to be lost.
const loseHeader = "Webtest-Lose"

// losing answers as next does. If the answer is to be lost, it goes to lost, and the
// connection is cut before a byte is sent.
func losing(next http.Handler, lost chan<- *httptest.ResponseRecorder) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(loseHeader) == "" {
			next.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		lost <- answer
		panic(http.ErrAbortHandler)
	})
}

// Lose sends a request that is handled to its end and whose answer is lost. It gives
// what was lost: the browser has nothing of it, no cookie either.
func (b *Browser) Lose(request *http.Request) *Page {
	b.tb.Helper()
	transport, ok := b.Client.Transport.(*http.Transport)
	if !ok {
		transport = http.DefaultTransport.(*http.Transport) //nolint:forcetypeassert // it is one
	}
	transport = transport.Clone()
	transport.DisableKeepAlives = true // a client sends again by itself what fails on a connection that was used before
	once := *b.Client
	once.Transport = transport
	request.Header.Set(loseHeader, "1")
	response, err := once.Do(request) //nolint:gosec // the test says where to
	if err == nil {
		_ = response.Body.Close()
		b.tb.Fatalf("the answer was not lost: status %d", response.StatusCode)
	}
	return b.page(request, (<-b.lost).Result())
}

// loss is an answer of PostgreSQL that is to be lost: that to a commit, or to a
// statement.
type loss struct {
	commits   int    // until it is lost
	statement string // a part of it
	happened  atomic.Bool
}

// LoseCommit has the answer to a commit be lost, the nth from now: PostgreSQL carries
// it out, and the connection is cut before the provider reads of it. Happened tells
// whether it came to that.
func (c *Counts) LoseCommit(n int) (happened func() bool) { return c.loseNext(&loss{commits: n}) }

// LoseAnswer is LoseCommit for the next statement that has the text in it, whoever
// sends it.
func (c *Counts) LoseAnswer(text string) (happened func() bool) {
	return c.loseNext(&loss{statement: text})
}

func (c *Counts) loseNext(l *loss) (happened func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loss = l
	return l.happened.Load
}

// commit counts a commit, which is about to be sent.
func (c *Counts) commit(conn *pgx.Conn) {
	c.Commits++
	if c.loss == nil || c.loss.statement != "" {
		return
	}
	if c.loss.commits--; c.loss.commits == 0 {
		c.lose(conn)
	}
}

// lose has a connection lose the answer to what is about to be sent.
func (c *Counts) lose(conn *pgx.Conn) {
	if cut, ok := conn.PgConn().Conn().(*cuttable); ok {
		cut.loss.Store(c.loss)
	}
	c.loss = nil
}

var _ pgx.ConnectTracer = (*Counts)(nil)

// TraceConnectStart makes the connection one that can be cut.
func (*Counts) TraceConnectStart(ctx context.Context, data pgx.TraceConnectStartData) context.Context {
	data.ConnConfig.AfterNetConnect = func(_ context.Context, _ *pgconn.Config, conn net.Conn) (net.Conn, error) {
		return &cuttable{Conn: conn}, nil
	}
	return ctx
}

// TraceConnectEnd has nothing to add.
func (*Counts) TraceConnectEnd(context.Context, pgx.TraceConnectEndData) {}

// cuttable is a connection to PostgreSQL that is cut when an answer is to be lost.
type cuttable struct {
	net.Conn

	loss atomic.Pointer[loss]
	kept bytes.Buffer // an answer that is not lost
}

// Read reads what PostgreSQL answers, and loses it if it says that something was
// carried out. What only prepares a statement is passed on. pgx may have begun to
// read before it sends, so what is to be lost is known only once there is something.
func (c *cuttable) Read(p []byte) (int, error) {
	if c.kept.Len() > 0 {
		return c.kept.Read(p) //nolint:wrapcheck // as the connection has it
	}
	n, err := c.Conn.Read(p)
	lost := c.loss.Load()
	if err != nil || lost == nil {
		return n, err //nolint:wrapcheck // as the connection has it
	}
	begun := bytes.NewReader(bytes.Clone(p[:n]))
	done, err := c.readAnswer(io.MultiReader(begun, c.Conn))
	if err != nil {
		return 0, err
	}
	if done {
		c.loss.Store(nil)
		lost.happened.Store(true)
		_ = c.Close()
		return 0, io.EOF
	}
	_, _ = c.kept.ReadFrom(begun) // never fails
	return c.kept.Read(p)         //nolint:wrapcheck // as the connection has it
}

// The messages of PostgreSQL that matter here.
const (
	commandComplete = 'C'
	errorResponse   = 'E'
	readyForQuery   = 'Z'
)

// readAnswer reads messages into kept until the server is ready for more. It tells
// whether something was carried out.
func (c *cuttable) readAnswer(from io.Reader) (done bool, err error) {
	for {
		head := make([]byte, 5) // a letter, and the length of what follows, itself included
		if _, err := io.ReadFull(from, head); err != nil {
			return false, err //nolint:wrapcheck // as the connection has it
		}
		c.kept.Write(head)
		if _, err := io.CopyN(&c.kept, from, int64(binary.BigEndian.Uint32(head[1:]))-4); err != nil {
			return false, err //nolint:wrapcheck // as the connection has it
		}
		switch head[0] {
		case commandComplete:
			done = true
		case errorResponse:
			c.loss.Store(nil)
			done = false
		case readyForQuery:
			return done, nil
		}
	}
}
