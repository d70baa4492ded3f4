package app

import (
	"rapport/internal/mail/accounts"
)

// buildAccounts makes e-mail accounts and joins it with its doors.
func (a *App) buildAccounts(doors) error {
	a.Accounts = &accounts.Service{}
	return nil
}

// accountsWork is what e-mail accounts does in the background.
func (a *App) accountsWork() background { return background{} }

// accountsCorridors is what follows from facts there.
func (a *App) accountsCorridors() []corridor { return nil }
