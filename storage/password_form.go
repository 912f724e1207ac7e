package storage

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// PasswordForms reads which forms the stored password hashes have: the beginning
// of each up to its salt, without anything secret. It hops from form to form
// through an index, so that it costs the same for any number of consumers.
func (s *Store) PasswordForms(ctx context.Context) ([]string, error) {
	rows, err := s.pool.Query(ctx, `
		with recursive forms as (
		  select min(idp_password_form(password_hash)) as form from consumers
		  union all
		  select (select min(idp_password_form(c.password_hash)) from consumers c where idp_password_form(c.password_hash) > forms.form)
		  from forms where forms.form is not null
		)
		select form from forms where form is not null`)
	if err != nil {
		return nil, fmt.Errorf("read password forms: %w", wrap(err))
	}
	forms, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read password forms: %w", wrap(err))
	}
	return forms, nil
}
