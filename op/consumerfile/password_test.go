package consumerfile_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/consumerfile"
	"github.com/brandidp/idp/storage"
)

func TestPasswordsAreHashedAndSetWhereTheyBelong(t *testing.T) {
	t.Parallel()
	b := newBrand(t)
	text := `{"username":"amelia","password":"correct horse"}
{"username":"rory","password":"battery staple"}
`
	if got := b.load(text, b.options()); got.Created != 2 || b.find("amelia").PasswordHash != "hash of correct horse" {
		t.Fatalf("%+v", got)
	}
	amelia := b.find("amelia").ID
	session := func() {
		query[int](b, `with s as (insert into sessions (handle_sha256, sid, consumer_id, auth_time, acr, amr, expires_at, ends_at)
			values (sha256(random()::text::bytea), random()::text, $1, now(), 'loa1', '{pwd}', now() + interval '1 day', now() + interval '1 day') returning 1) select 1 from s`, amelia)
	}
	sessions := func() int { return query[int](b, "select count(*) from sessions") }
	session()
	another := strings.ReplaceAll(text, "horse", "donkey")
	if got := b.load(another, b.options()); got.Unchanged != 2 || b.find("amelia").PasswordHash != "hash of correct horse" || sessions() != 1 {
		t.Errorf("%+v: a password that is set was changed", got)
	}
	opts := b.options()
	opts.ResetPasswords, opts.DryRun = true, true
	if got := b.load(another, opts); got.Updated != 2 || sessions() != 1 {
		t.Errorf("dry run: %+v", got)
	}
	opts.DryRun = false
	if got := b.load(another, opts); got.Updated != 1 || got.Unchanged != 1 || b.find("amelia").PasswordHash != "hash of correct donkey" || sessions() != 0 {
		t.Errorf("%+v: %s, %d sessions", got, b.find("amelia").PasswordHash, sessions())
	}
	session()
	if got := b.load(`{"username":"amelia","disabled":true}`, b.options()); got.Updated != 1 || sessions() != 0 {
		t.Errorf("disabled: %+v, %d sessions", got, sessions())
	}
	// A password that is not set, where there is none, is told of, also by a dry run.
	b.load(`{"username":"clara"}`+"\n"+`{"username":"danny"}`, b.options())
	late := `{"username":"clara","password":"correct horse"}
{"username":"danny","password_hash":"$2y$05$oocVg9fYapItNyAiIxR8t.VDaoRcdTUwaZTUTfWbsbxmz0qbRxMwm"}
{"username":"rory","password":"battery staple"}
`
	opts = b.options()
	opts.DryRun = true
	for _, opts := range []consumerfile.Options{opts, b.options()} {
		if got := b.load(late, opts); got != (storage.ImportCounts{Unchanged: 3, PasswordsNotSet: 2}) || b.find("clara").PasswordHash != "" {
			t.Errorf("%+v", got)
		}
	}
	opts = b.options()
	opts.ResetPasswords = true
	if got := b.load(late, opts); got != (storage.ImportCounts{Updated: 2, Unchanged: 1}) || b.find("clara").PasswordHash == "" {
		t.Errorf("%+v", got)
	}
	failing := b.options()
	failing.HashPassword = func(context.Context, string) (string, error) { return "", errors.New("no entropy") }
	if _, err := consumerfile.Import(t.Context(), b.store, strings.NewReader(`{"username":"new","password":"correct horse"}`), failing); err == nil {
		t.Error("a hash that could not be made is no error")
	}
	if n, err := consumerfile.CountPasswords(t.Context(), strings.NewReader(people+text)); n != 2 || err != nil {
		t.Errorf("%d lines with a password, %v, want 2", n, err)
	}
	now := time.Unix(0, 0)
	rate, err := consumerfile.HashRate(t.Context(), b.options().HashPassword, 3, func() time.Time { now = now.Add(time.Second); return now })
	if rate != 3 || err != nil {
		t.Errorf("%v hashes a second, %v, want 3", rate, err)
	}
}

// What others write between the look and the writing leads to another look.
func TestOthersWriteMeanwhile(t *testing.T) {
	t.Parallel()
	b := newBrand(t)
	opts := b.options()
	opts.HashPassword = func(ctx context.Context, _ string) (string, error) { // called between the two
		err := b.store.Administer(ctx, func(tx *storage.Tx) error {
			return tx.InsertConsumer(ctx, &storage.Consumer{ExternalID: "crm-1", ManagedBy: "api"}, nil)
		})
		return "hash", err
	}
	if got := b.load(`{"external_id":"crm-1","password":"correct horse"}`, opts); got.Updated+got.Unchanged != 1 {
		t.Errorf("%+v, want the consumer that another has made", got)
	}
}

func TestImportOfAnExportChangesNothing(t *testing.T) {
	t.Parallel()
	b := newBrand(t)
	b.load(people+numbered(10, 1510)+`{"sub":"é"}`+"\n"+`{"username":"line","claims":{"address":{"formatted":"a\nb <&> \u2028"},"name":"\u00e9\ud83d\ude00"},"attributes":{"n":-0.5,"b":false,"s":"<"},"personal_info":{"age":{"age":0}}}`, b.options())
	before := b.dump()
	var withHashes, without bytes.Buffer
	n, err := consumerfile.Export(t.Context(), b.store, &withHashes, true)
	if err != nil || n != 1504 {
		t.Fatalf("%d, %v", n, err)
	}
	if _, err := consumerfile.Export(t.Context(), b.store, &without, false); err != nil || strings.Contains(without.String(), "$2b$") || !strings.Contains(withHashes.String(), "$2b$") {
		t.Errorf("%v: hashes are where they must not be, or not where they must", err)
	}
	for _, text := range []string{withHashes.String(), without.String()} {
		opts := b.options()
		opts.ResetPasswords = true
		if got := b.load(text, opts); got != (storage.ImportCounts{Unchanged: 1504}) || b.dump() != before {
			t.Errorf("%+v, want nothing changed", got)
		}
	}
	// Elsewhere it makes the same consumers.
	other := newBrand(t)
	other.load(withHashes.String(), other.options())
	var again bytes.Buffer
	if _, err := consumerfile.Export(t.Context(), other.store, &again, true); err != nil {
		t.Fatal(err)
	}
	lines := func(text string) []string { return slices.Sorted(strings.Lines(text)) }
	if diff := cmp.Diff(lines(withHashes.String()), lines(again.String())); diff != "" {
		t.Errorf("elsewhere (-here +there):\n%s", diff)
	}
}
