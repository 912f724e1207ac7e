package op_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/brandidp/idp/web/webtest"
)

// dump gives every row of every table as text.
func dump(t *testing.T, p *webtest.Provider) string {
	t.Helper()
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, p.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // the test has its answer
	read := func(sql string) []string {
		rows, err := conn.Query(ctx, sql)
		if err != nil {
			t.Fatal(err)
		}
		texts, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		return texts
	}
	var all strings.Builder
	for _, table := range read("select format('%I.%I', schemaname, tablename) from pg_tables where schemaname not in ('pg_catalog', 'information_schema')") {
		for _, row := range read("select to_jsonb(r)::text from " + table + " r") {
			all.WriteString(table + " " + row + "\n")
		}
	}
	return all.String()
}

// TestAStolenDatabaseHoldsNoToken: what is kept of a token, a code or a session is
// its hash, and the successor that a refresh token's retry gets is sealed by the
// token that was presented, which is nowhere.
//
//security:22-stolen-database
func TestAStolenDatabaseHoldsNoToken(t *testing.T) {
	t.Parallel()
	p := startBackend(t)
	b := amelia(t, p)
	code := silent(t, b, challenged(delegatingRequest())).Get("code")
	retried := tokens(t, redeemAs(b, "delegating", portalSecret, retryGrant(code))) // whose answer is kept for a retry
	first := granted(t, b)
	second := tokens(t, refresh(b, first.RefreshToken))
	jwt := tokens(t, redeemGateway(b, silent(t, b, gatewayRequest()).Get("code")))
	all := dump(t, p)
	for _, known := range []string{"refresh_successors", "authorization_codes", "amelia"} { // it has been read
		if !strings.Contains(all, known) {
			t.Errorf("no %s in the dump", known)
		}
	}
	for name, value := range map[string]string{
		"code": code, "unused code": silent(t, b, codeRequest()).Get("code"), "session": b.Cookie("idp_session"), "binding": b.Cookie("idp_binding"), "device": b.Cookie("idp_device"),
		"access token of a retry": retried.AccessToken, "refresh token of a retry": retried.RefreshToken,
		"access token": first.AccessToken, "used refresh token": first.RefreshToken, "its successor": second.RefreshToken, "the successor's access token": second.AccessToken,
		"JWT": jwt.AccessToken, "secret": portalSecret, "password": ameliasPassword, "ID token": first.IDToken,
	} {
		raw, _ := base64.RawURLEncoding.DecodeString(value)
		forms := []string{value, hex.EncodeToString([]byte(value)), base64.StdEncoding.EncodeToString([]byte(value))}
		if len(raw) > 16 {
			forms = append(forms, hex.EncodeToString(raw))
		}
		if value == "" {
			t.Errorf("no %s", name)
		}
		for _, form := range forms {
			if strings.Contains(all, form) {
				t.Errorf("the database holds the %s", name)
			}
		}
	}
	// With what it does hold nobody is anybody.
	for _, column := range []string{"select encode(handle_sha256, 'hex') from sessions limit 1", "select sid from sessions limit 1"} {
		thief := p.Browser(t)
		thief.Client.Jar = nil
		value := webtest.Query[string](p, column)
		raw, _ := hex.DecodeString(value)
		for _, handle := range []string{value, base64.RawURLEncoding.EncodeToString(raw)} {
			wantError(t, thief.Do(thief.Request("/authorize?"+implicitRequest("prompt", "none").Encode(), nil, "Cookie", "idp_session="+handle)), "login_required")
		}
	}
}
