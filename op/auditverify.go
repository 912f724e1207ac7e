package op

import (
	"bytes"
	"context"
	"crypto/hmac"
	"fmt"
	"strconv"
	"time"

	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

// AuditHead names the last seal of a moment. Kept elsewhere, it tells later whether what
// was sealed until then is still there.
type AuditHead struct {
	Seal        int64     `json:"seal"`
	HMAC        []byte    `json:"hmac"`
	LastEventID int64     `json:"last_event_id"`
	SealedAt    time.Time `json:"sealed_at"`
}

// ReadAuditHead gives the head as it is now; its Seal is 0 if nothing is sealed.
func ReadAuditHead(ctx context.Context, store *storage.Store) (*AuditHead, error) {
	tail, err := store.AuditTail(ctx)
	if err != nil {
		return nil, err
	}
	return headOf(&tail.Last), nil
}

func headOf(s *storage.AuditSeal) *AuditHead {
	return &AuditHead{Seal: s.ID, HMAC: s.HMAC, LastEventID: s.LastEventID, SealedAt: s.SealedAt.UTC()}
}

// AuditFault is something in the audit trail that is not as it was sealed.
type AuditFault struct {
	// Seal is the one that shows it, 0 if there is none.
	Seal int64 `json:"seal,omitempty"`
	// AfterEventID and LastEventID bound the events that it is about.
	AfterEventID int64  `json:"after_event_id,omitempty"`
	LastEventID  int64  `json:"last_event_id,omitempty"`
	Fault        string `json:"fault"`
}

// AuditReport is what VerifyAudit has found.
type AuditReport struct {
	// Seals are all that are there, Expired those whose events need not be.
	Seals   int64 `json:"seals"`
	Expired int64 `json:"expired"`
	// Events are those that were compared with their seals, Unsealed those that have none
	// yet.
	Events   int64 `json:"events"`
	Unsealed int64 `json:"unsealed"`
	// KeyReset is when the keys of the database were reset, nil if no seal is left from
	// before. Unchecked are those that are: they cannot be opened since, nor be told from
	// others that somebody has put in their place. UncheckedEvents lie in them.
	KeyReset        *time.Time `json:"key_reset,omitempty"`
	Unchecked       int64      `json:"unchecked"`
	UncheckedEvents int64      `json:"unchecked_events"`
	// Head is the last seal.
	Head *AuditHead `json:"head"`
	// HeadExpired tells that the head which was brought along is of a seal that has been
	// deleted with its events, in its time: nothing could be compared with it.
	HeadExpired bool         `json:"head_expired,omitempty"`
	Faults      []AuditFault `json:"faults"`
}

// auditSlack is how far the clock of whoever verifies may be behind that of the database,
// by which expired events were deleted.
const auditSlack = 5 * time.Minute

// VerifyAudit compares the audit trail with its seals, and the seals with each other and
// with a head that was kept elsewhere, nil if there is none. now is by a clock that nobody
// who writes to the database can set.
func VerifyAudit(ctx context.Context, store *storage.Store, keyring *seal.Keyring, head *AuditHead, now time.Time) (*AuditReport, error) {
	v := &auditVerifier{keyring: keyring, head: head, report: &AuditReport{Faults: []AuditFault{}}}
	reset, err := store.LastAuditReset(ctx)
	if err != nil {
		return nil, err
	}
	if reset.ID > 0 && v.genuine(reset) {
		v.reset = reset
	}
	rest, err := store.AuditChain(ctx, now.Add(auditSlack), auditBatch, func(link *storage.AuditLink) error {
		v.link(link)
		return nil
	})
	if err != nil {
		return nil, err
	}
	v.end(rest)
	return v.report, nil
}

type auditVerifier struct {
	keyring *seal.Keyring
	head    *AuditHead
	// met tells that the seal of the head was found, the same or another.
	met bool
	// reset tells of the last reset of the keys, nil if there was none.
	reset       *storage.AuditSeal
	first, last storage.AuditLink
	report      *AuditReport
}

func (v *auditVerifier) faultf(s *storage.AuditSeal, format string, args ...any) {
	v.report.Faults = append(v.report.Faults, AuditFault{
		Seal: s.ID, AfterEventID: s.AfterEventID, LastEventID: s.LastEventID, Fault: fmt.Sprintf(format, args...),
	})
}

// link compares one seal with the one before it, and with its events.
func (v *auditVerifier) link(link *storage.AuditLink) {
	s := &link.AuditSeal
	v.report.Seals++
	v.follows(link)
	v.compareHead(link)
	v.last = *link
	v.last.Covered = nil
	if v.first.ID == 0 {
		v.first = v.last
	}
	unchecked := v.reset != nil && s.ID < v.reset.ID
	switch {
	case !unchecked && !v.genuine(s):
		v.faultf(s, "the seal was changed, or was not made here: its events cannot be checked")
	case link.Expired:
		v.report.Expired++
	case len(link.Covered) < s.Events:
		v.faultf(s, "events are missing: there were %d, there are %d", s.Events, len(link.Covered))
	case len(link.Covered) > s.Events:
		v.faultf(s, "events were added: there were %d", s.Events)
	case !bytes.Equal(digestAudit(link.Covered), s.EventsSHA256):
		v.faultf(s, "events were changed")
	case !unchecked:
		v.report.Events += int64(s.Events)
	}
	if unchecked {
		at := v.reset.SealedAt.UTC()
		v.report.KeyReset = &at
		v.report.Unchecked++
		v.report.UncheckedEvents += int64(len(link.Covered))
	}
}

// genuine tells whether a seal is as it was made.
func (v *auditVerifier) genuine(s *storage.AuditSeal) bool {
	key, err := v.keyring.Open(seal.Audit, s.KeySealed, auditTable, strconv.FormatInt(s.ID, 10))
	return err == nil && hmac.Equal(auditHMAC(key, s), s.HMAC)
}

// follows checks the place of a seal in the chain.
func (v *auditVerifier) follows(link *storage.AuditLink) {
	s := &link.AuditSeal
	switch {
	case v.first.ID == 0:
		if s.ID > 1 && !link.PreviousExpired {
			v.faultf(s, "the seals before this one are missing, and had not expired")
		}
	case s.ID > v.last.ID+1:
		v.faultf(s, "seals are missing before this one: the last before them is %d", v.last.ID)
	case !bytes.Equal(s.PreviousHMAC, v.last.HMAC) || s.AfterEventID != v.last.LastEventID:
		v.faultf(s, "the seal does not follow on the one before it")
	}
}

// compareHead compares a seal, or what it says of the one before it, with the head.
func (v *auditVerifier) compareHead(link *storage.AuditLink) {
	if v.head == nil || v.met {
		return
	}
	there := link.HMAC
	switch {
	case link.ID == v.head.Seal:
	case link.ID == v.head.Seal+1 && v.first.ID == 0:
		there = link.PreviousHMAC
	default:
		return
	}
	v.met = true
	if !bytes.Equal(there, v.head.HMAC) {
		v.faultf(&link.AuditSeal, "the seal is another than that of the head")
	}
}

// end checks what is seen when all seals are.
func (v *auditVerifier) end(rest *storage.AuditRest) {
	v.report.Unsealed = rest.After
	v.report.Head = headOf(&v.last.AuditSeal)
	if rest.Before > 0 {
		v.faultf(&v.first.AuditSeal, "events were added before the first seal: %d", rest.Before)
	}
	if v.head == nil || v.met {
		return
	}
	switch {
	case v.head.Seal > v.last.ID:
		v.faultf(&storage.AuditSeal{ID: v.head.Seal, AfterEventID: v.last.LastEventID, LastEventID: v.head.LastEventID},
			"the end is cut off: the head is seal %d, and the last here is %d", v.head.Seal, v.last.ID)
	case v.head.Seal < v.first.ID && v.first.PreviousExpired:
		v.report.HeadExpired = true
	default:
		v.faultf(&storage.AuditSeal{ID: v.head.Seal}, "the seal of the head is missing")
	}
}
