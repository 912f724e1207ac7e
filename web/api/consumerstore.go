package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/op/identifier"
	"github.com/brandidp/idp/storage"
)

// attempts is how often a change is made anew because the consumer has changed since it
// was read. Each failure means that somebody else's change was made.
const attempts = 50

const (
	kindConsumer = "consumer"
	managedByAPI = "api"
)

// reference is how a consumer is found: by sub, or by external id.
type reference struct{ sub, externalID string }

func (a *API) find(ctx context.Context, ref reference) (c *storage.Consumer, err error) {
	if ref.sub != "" {
		c, err = a.provider.Store().ConsumerBySub(ctx, ref.sub)
	} else {
		c, err = a.provider.Store().ConsumerByExternalID(ctx, ref.externalID)
	}
	if errors.Is(err, storage.ErrNotFound) {
		return nil, errNoConsumer
	}
	return c, err
}

var errNoConsumer = notFound("consumer")

// change is what becomes of a consumer, nil if there is none.
type change func(there *storage.Consumer) (*brandfile.Entry, error)

// edit changes the consumer that is there, or makes one, so that no change that somebody
// else makes at the same time is lost: what was made of another state than the one that
// is there when it is written is made anew. It takes two round trips and one commit.
func (a *API) edit(ctx context.Context, ref reference, ifs Conditions, change change) (c *storage.Consumer, created bool, err error) {
	for range attempts {
		there, err := a.find(ctx, ref)
		if err != nil && !errors.Is(err, errNoConsumer) {
			return nil, false, err
		}
		if err := ifs.check(there); err != nil {
			return nil, false, err
		}
		entry, err := change(there)
		if err != nil {
			return nil, false, err
		}
		if there == nil {
			created = true
			c, err = a.create(ctx, entry, nil)
		} else {
			c, err = a.replace(ctx, there, entry)
		}
		if errors.Is(err, storage.ErrConflict) && there == nil {
			// The consumer may have been made meanwhile, by the same request perhaps.
			if _, missing := a.find(ctx, ref); missing == nil {
				err = storage.ErrChanged
			}
		}
		if !errors.Is(err, storage.ErrChanged) {
			return c, created, err
		}
		created = false
	}
	return nil, false, storage.ErrChanged
}

// create makes a consumer.
func (a *API) create(ctx context.Context, entry *brandfile.Entry, claim *storage.Claim) (*storage.Consumer, error) {
	c := &entry.Consumer
	c.ManagedBy = managedByAPI
	if entry.Password != "" {
		hash, err := a.provider.HashPassword(ctx, entry.Password)
		if err != nil {
			return nil, err
		}
		c.PasswordHash, entry.Password = hash, ""
	}
	event, err := a.consumerEvent(ctx, nil, c)
	if err != nil {
		return nil, err
	}
	err = a.provider.Store().CreateConsumer(ctx, c, entry.Identifiers, event, claim)
	if errors.Is(err, storage.ErrConflict) {
		return nil, a.clash(ctx, entry)
	}
	return c, err
}

// replace writes what has become of a consumer, if that is another.
func (a *API) replace(ctx context.Context, there *storage.Consumer, entry *brandfile.Entry) (*storage.Consumer, error) {
	c := &entry.Consumer
	event, err := a.consumerEvent(ctx, there, c)
	if err != nil {
		return nil, err
	}
	if event.Before == nil {
		return there, nil
	}
	err = a.provider.Store().ReplaceConsumer(ctx, c, entry.Identifiers, c.Disabled && !there.Disabled, event)
	if errors.Is(err, storage.ErrConflict) {
		return nil, a.clash(ctx, entry)
	}
	return c, err
}

// consumerEvent tells of what becomes of a consumer, nil for one who is not there.
func (a *API) consumerEvent(ctx context.Context, old, changed *storage.Consumer) (storage.AuditEvent, error) {
	event := a.audit(ctx, target{kindConsumer, cmp.Or(changed, old).Sub})
	var err error
	event.Before, event.After, err = brandfile.ConsumerChange(old, changed)
	return event, err
}

// clash says what of a consumer belongs to another.
func (a *API) clash(ctx context.Context, entry *brandfile.Entry) error {
	clashes, err := a.provider.Store().ConsumerClashes(ctx, &entry.Consumer, entry.Identifiers)
	if err != nil {
		return err
	}
	p := problem(http.StatusConflict, "what is under errors belongs to another consumer", clashFaults(clashes, entry, "")...)
	p.cause = storage.ErrConflict
	if len(p.Errors) == 0 {
		return storage.ErrChanged // it does not any more
	}
	return p
}

// clashFaults says it by the places of an entry that lies at a pointer.
func clashFaults(clashes *storage.Clashes, entry *brandfile.Entry, place string) (faults []Fault) {
	if clashes.Retired {
		faults = append(faults, at(place+"/sub", "must not be that of a consumer who is gone: a sub is never given out twice"))
	}
	if clashes.Sub {
		faults = append(faults, at(place+"/sub", "must not be that of another consumer"))
	}
	if clashes.ExternalID {
		faults = append(faults, at(place+"/external_id", "must not be that of another consumer"))
	}
	for _, taken := range clashes.Identifiers {
		faults = append(faults, at(place+placeOf(entry, taken), "must not be an identifier that belongs to another consumer"))
	}
	return faults
}

// placeOf is where an identifier is from.
func placeOf(entry *brandfile.Entry, value string) string {
	for _, one := range entry.Identifiers {
		if one.Value == value && one.Kind != identifier.KindUsername {
			return "/claims/" + one.Kind
		}
	}
	return "/username"
}
