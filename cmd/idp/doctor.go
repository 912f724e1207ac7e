package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/cmd/idp/config"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/builtin"
)

// The verdicts of idp doctor.
const (
	verdictOK      = "ok"
	verdictWarning = "warning" // works, and is not as it should be
	verdictFault   = "fault"
)

// finding is what one check of idp doctor has come to.
type finding struct {
	Check   string `json:"check"`
	Verdict string `json:"verdict"`
	Found   string `json:"found"`
	// Do is what to do about it, "" for nothing.
	Do string `json:"do,omitempty"`

	cause error // of a fault, nil if there is none but what was found
}

var errUnwell = errors.New("something is wrong")

func newDoctorCommand(a *app) *cobra.Command {
	var asJSON bool

	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check the installation, and say what to do",
		Long: "Check the installation: the database and its schema, the master key and where it lies, who signs and\n" +
			"why, the age of each key that signs, connectors that any account may use, and the instances that run.\n" +
			"It changes nothing. Exit code 1 if something is wrong, 2 if the database cannot be reached; a warning\n" +
			"alone is none.",
		Example: "  idp doctor\n  idp doctor --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, log, err := a.load(cmd)
			if err != nil {
				return err
			}

			findings := examine(cmd.Context(), cfg, log)
			if asJSON {
				err = printJSON(cmd.OutOrStdout(), findings)
			} else {
				err = printFindings(cmd.OutOrStdout(), findings)
			}

			if err != nil {
				return err
			}

			return unwell(findings)
		},
	}
	addJSONFlag(cmd, &asJSON)

	return cmd
}

// unwell is the first fault, or that the database cannot be reached.
func unwell(findings []finding) error {
	var err error

	for _, f := range findings {
		switch {
		case f.Verdict != verdictFault:
		case errors.Is(f.cause, storage.ErrUnavailable):
			return fmt.Errorf("%w: %w", errUnwell, storage.ErrUnavailable)
		case err == nil:
			err = fmt.Errorf("%w: %s", errUnwell, f.Check)
		}
	}

	return err
}

func printFindings(w io.Writer, findings []finding) error {
	rows := [][]string{{"CHECK", "VERDICT", "FOUND"}}

	for _, f := range findings {
		found := f.Found
		if f.Do != "" {
			found += "; " + f.Do
		}

		rows = append(rows, []string{f.Check, f.Verdict, found})
	}

	return printTable(w, rows)
}

// doctor gathers what the checks find.
type doctor struct {
	cfg      *config.Config
	findings []finding
}

func (d *doctor) add(check, verdict, found, do string) {
	d.findings = append(d.findings, finding{Check: check, Verdict: verdict, Found: found, Do: do})
}

func (d *doctor) fail(check string, cause error, do string) {
	d.findings = append(d.findings, finding{Check: check, Verdict: verdictFault, Found: cause.Error(), Do: do, cause: cause})
}

// examine makes the checks, up to where one hides the rest.
func examine(ctx context.Context, cfg *config.Config, log *slog.Logger) []finding {
	d := &doctor{cfg: cfg}
	signers := d.signers()
	d.whereTheMasterKeyLies()

	if cfg.Database.URL == "" && !builtin.Initialised(cfg.DataDir) {
		d.add("database", verdictFault, "no database in "+cfg.DataDir, "idp serve makes it")

		return d.findings
	}

	db, err := openDatabase(ctx, cfg, log)
	if err != nil {
		d.fail("database", err, "start it, or name another with database.url")

		return d.findings
	}
	defer db.Close(ctx)

	store, ok := d.database(ctx, db)
	if !ok {
		return d.findings
	}
	defer store.Close()

	inspected := d.masterKey(ctx, store)

	snapshot, err := store.ReadSnapshot(ctx)
	if err != nil {
		d.fail("database", err, "")

		return d.findings
	}

	d.signingKeys(snapshot, inspected, signers)
	d.connectors(snapshot)
	d.instances(ctx, store, snapshot, inspected)

	return d.findings
}

// signers says who signs and why.
func (d *doctor) signers() *keys.Signers {
	signers, err := newSigners(d.cfg)
	if err != nil {
		d.fail("signer", err, "")

		return nil
	}

	by, why := signers.RSA()
	d.add("signer", verdictOK, by+" signs with the RSA keys of the database: "+why, "")

	if token, err := signers.Token(); err != nil {
		d.fail("token", err, "")
	} else if token != "" {
		d.add("token", verdictOK, token+" answers", "")
	}

	return signers
}

func (d *doctor) database(ctx context.Context, db *database) (*storage.Store, bool) {
	status, err := storage.ReadMigrationStatus(ctx, db.DirectURL)
	if err != nil {
		d.fail("database", err, "start it, or correct database.url and database.direct_url")

		return nil, false
	}

	d.add("database", verdictOK, "it answers", "")

	if status.Current < status.Latest {
		d.add("schema", verdictFault, fmt.Sprintf("version %d of %d", status.Current, status.Latest), "idp migrate up, or start idp serve")

		return nil, false
	}

	d.add("schema", verdictOK, fmt.Sprintf("version %d", status.Current), "")

	store, err := storage.Open(ctx, storage.Options{URL: db.URL, DirectURL: db.DirectURL, MaxConnections: 2})
	if err == nil {
		err = store.Ping(ctx)
	}

	if err != nil {
		d.fail("database", err, "correct database.url")

		return nil, false
	}

	return store, true
}

func (d *doctor) masterKey(ctx context.Context, store *storage.Store) *seal.Inspected {
	inspected, err := seal.Inspect(ctx, store, masterKeySource(d.cfg), rand.Reader)

	switch {
	case err != nil:
		d.fail("master key", err, "")

		return nil
	case inspected.Keyring == nil:
		d.add("master key", verdictOK, "the database was never sealed; the first start of idp serve makes a key", "")
	case inspected.Rewrapping:
		d.add("master key", verdictWarning, "it is being changed", "once every instance has the next one: idp key rewrap --finish")
	default:
		d.add("master key", verdictOK, "it opens the database; fingerprint "+inspected.Fingerprint, "")
	}

	return inspected
}

// signingKeys says how old each key is that signs, once all of them open.
func (d *doctor) signingKeys(snapshot *storage.Snapshot, inspected *seal.Inspected, signers *keys.Signers) {
	if signers != nil {
		for _, key := range signers.OutOfReach(snapshot.Keys) {
			d.add("signing keys", verdictFault, key, "set pkcs11.module, pkcs11.token and pkcs11.pin_file to the token that it lies in")
		}
	}

	names := map[int64]string{0: "the provider"}
	for _, client := range snapshot.Clients {
		names[client.ID] = client.ClientID
	}

	damaged := map[*storage.SigningKey]bool{}

	if inspected != nil && inspected.Keyring != nil && signers != nil {
		for _, fault := range keys.NewSet(snapshot.Keys, inspected.Keyring, nil, signers).Faults() {
			damaged[fault.Key] = true

			d.fail("signing keys", fmt.Errorf("of %s, %s: %w", names[fault.Key.ClientID], fault.Key.State, fault),
				"bring the row back from a backup of the database, or have another key take its place")
		}
	}

	own := false

	for _, key := range snapshot.Keys {
		if key.State != keys.Active {
			continue
		}

		own = own || key.ClientID == 0

		if damaged[key] {
			continue
		}

		d.add("signing key", verdictOK, fmt.Sprintf("%s of %s has signed by %s for %s; %s",
			key.Kid, names[key.ClientID], key.Alg, age(time.Since(key.ActivatedAt)), placeOfKey(key)), "")
	}

	if !own {
		d.add("signing keys", verdictWarning, "the provider has none that signs", "start idp serve, which makes it")
	}
}

func age(d time.Duration) string {
	if days := int(d.Hours() / 24); days > 0 {
		return fmt.Sprintf("%d days", days)
	}

	return d.Round(time.Minute).String()
}

// connectors warns of those whose tokens a window of any account may ask for.
func (d *doctor) connectors(snapshot *storage.Snapshot) {
	var open []string

	for _, client := range snapshot.Clients {
		if client.ConversationalCloud != nil && client.ConversationalCloud.AccountID == "" {
			open = append(open, client.ClientID)
		}
	}

	if len(open) > 0 {
		d.add("connectors", verdictWarning, "without conversational_cloud.account_id, so that a window of any account is answered: "+strings.Join(open, ", "),
			"set it in the brand file and apply it")

		return
	}

	d.add("connectors", verdictOK, "each answers its own account alone", "")
}
