package op

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

// instance is what the other instances on the database are told of this one: by
// which clients and keys it answers, and which master key it has. None of them signs with a key before each has
// told that it publishes it. It is written beside requests, each sixth of
// Keys.ViewLifetime and with each change.
type instance struct {
	id      [16]byte
	counter int64     // of the view that was told of last
	written time.Time // when that was, the zero value for an instance that has to join
}

func newInstance(rand io.Reader) (*instance, error) {
	i := &instance{}
	if _, err := io.ReadFull(rand, i.id[:]); err != nil {
		return nil, fmt.Errorf("name the instance: %w", err)
	}
	return i, nil
}

// instanceLifetime is how long an instance counts that tells nothing more: longer than
// it answers by what it knew.
func instanceLifetime(s keys.Settings) time.Duration { return s.ViewLifetime * 5 / 4 }

// join has this instance counted before it reads what it will answer by. Whoever was
// away for so long that it may have been forgotten answers nothing, and joins anew.
func (p *Provider) join(ctx context.Context, now time.Time) error {
	if i := p.instance; i.written.IsZero() || now.Sub(i.written) > p.opts.Keys.ViewLifetime {
		self := storage.Instance{ID: i.id, Version: p.opts.Version, MasterKeyFingerprint: p.opts.Keyring.MasterKeyFingerprint()}
		// The row that it gets knows of every change: what it answered by may not.
		if old := p.view.Load(); old != nil {
			p.view.Store(&stamped{view: old.view})
		}
		if err := p.opts.Store.JoinInstance(ctx, self, instanceLifetime(p.opts.Keys)); err != nil {
			return err
		}
		i.written, i.counter = now, -1
	}
	return nil
}

// tell tells the others which view this instance answers by, if that is news to them.
func (p *Provider) tell(ctx context.Context, v *view, now time.Time) error {
	i := p.instance
	changed := v.counter != i.counter
	if !changed && now.Sub(i.written) < p.opts.Keys.ViewLifetime/6 {
		return nil
	}
	err := p.opts.Store.ConfirmInstance(ctx, i.id, v.counter, instanceLifetime(p.opts.Keys), changed)
	switch {
	case err == nil:
		i.written, i.counter = now, v.counter
	case errors.Is(err, storage.ErrNotFound):
		i.written = time.Time{}
	}
	return err
}

// Leave has the others wait for this instance no more. Nothing may be answered after it.
func (p *Provider) Leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := p.opts.Store.LeaveInstance(ctx, p.instance.id); err != nil {
		p.opts.Log.InfoContext(ctx, "the other instances were not told of the end of this one", "error", err)
	}
}
