package app

import (
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"rapport/internal/config"
	"rapport/internal/crm"
	"rapport/internal/fault"
)

// What doctor looks at in the house: folder, database, key, decisions.

// settings can be used, or they would not have been read.
func (x *examination) settings(context.Context) Finding {
	if x.config.BrokerOpen {
		return warned("Unset BROKER_OPEN where anybody else works on this machine.", "All values can be used. BROKER_OPEN lets every program of this machine have tokens without a key.")
	}
	return good("All values can be used.")
}

func (x *examination) dataFolder(context.Context) Finding {
	dir, err := filepath.Abs(x.config.DataDir)
	if err != nil {
		dir = x.config.DataDir
	}
	info, err := os.Stat(dir)
	if errors.Is(err, os.ErrNotExist) {
		return warned("Nothing, if this is a new installation; else correct DATA_DIR.", "%s is not there; the first `rapport serve` makes it.", dir)
	}
	if err == nil && !info.IsDir() {
		return broken("Point DATA_DIR at a folder.", "%s is not a folder.", dir)
	}
	var f *os.File
	if err == nil {
		f, err = os.CreateTemp(dir, ".doctor-*")
	}
	if err == nil {
		_, err = f.WriteString("can this be written?")
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		return broken("Free some space, or let this user write there.", "%s cannot be written: %s", dir, plain(err))
	}
	return good("%s can be written.", dir)
}

func (x *examination) database(ctx context.Context) Finding {
	if x.app == nil {
		err := installed(x.config)
		switch with := WithWhat(x.opening); {
		case err != nil && with == WithDatabase && err.Error() == x.opening.Error():
			f := skipped("There is no installation yet; the first `rapport serve` makes it.")
			f.Fix = "Start `rapport serve`; if there should be one, correct DATA_DIR, DATABASE_PATH or DATABASE_URL."
			return f
		case with == WithKey:
			return skipped("Not opened without the encryption key.")
		}
		return broken("See the text; DATABASE_URL and DATABASE_PATH say where it is.", "%s", x.opening)
	}
	if err := x.app.Store.Ping(ctx); err != nil {
		return broken("Start the database again.", "The database does not answer: %s", plain(err))
	}
	kind := "SQLite, " + x.config.DatabasePath
	if !x.config.DatabaseURL.IsZero() {
		kind = "PostgreSQL"
	}
	return good("%s, version %d.", kind, x.app.Store.Version())
}

// keys opens what is stored with them, and notes what there is. A workspace's
// administrator learns of the workspace's own alone.
func (x *examination) keys(ctx context.Context) Finding {
	if x.app == nil && WithWhat(x.opening) == WithKey {
		return broken("Bring encryption.key back from a backup, or set ENCRYPTION_KEY; the first start of a new installation makes one.", "%s", x.opening)
	}
	if x.app == nil {
		return skipped("Not looked at, because the database is not right yet.")
	}
	opened, closed := 0, 0
	after := crm.GrantID("")
	for {
		page, err := x.app.Store.ResealPage(ctx, after, 500)
		if err != nil {
			return broken("Start the database again.", "The stored grants cannot be read: %s", plain(err))
		}
		if len(page) == 0 {
			break
		}
		for _, g := range page {
			after = g.ID
			if x.workspace != "" && g.WorkspaceID != x.workspace && x.running {
				continue
			}
			_, err1 := x.app.Vault.Sealer.Open(string(g.ID), "refresh_token", g.SealedRefresh)
			_, err2 := x.app.Vault.Sealer.Open(string(g.ID), "access_token", g.SealedAccess)
			if err1 != nil || err2 != nil {
				closed++
				continue
			}
			opened++
			x.grants = append(x.grants, g)
		}
	}
	if closed > 0 {
		return broken("Put the lost key into ENCRYPTION_KEY behind the present one, or let these people reconnect.",
			"%d of %d stored grants cannot be opened with the configured keys.", closed, opened+closed)
	}
	return good("Opens all %d stored grants.", opened)
}

// publicAddress looks at the shape of what has to be registered with Google.
func (x *examination) publicAddress(context.Context) Finding {
	u, err := url.Parse(x.config.GoogleRedirectURI)
	if err != nil {
		return broken("Correct GOOGLE_REDIRECT_URI.", "%s is not an address.", x.config.GoogleRedirectURI)
	}
	ip, local := hostOf(u)
	switch {
	case u.Scheme != "https" && !local:
		return broken("Serve Rapport by https and set PUBLIC_URL to that address.", "Google accepts http for localhost only, not for %s.", u.Host)
	case ip != nil && !local:
		return broken("Give the server a name and set PUBLIC_URL.", "Google accepts no IP addresses: %s.", u.Host)
	case u.Path != config.ConnectCallback:
		return warned("Make sure a proxy leads it to "+config.ConnectCallback+".", "The path %s is not one that Rapport answers.", u.Path)
	case !strings.HasPrefix(x.config.GoogleRedirectURI, x.config.PublicURL+"/"):
		return warned("Use one address for both.", "GOOGLE_REDIRECT_URI is not under PUBLIC_URL; people would not be signed in when they come back.")
	}
	return good("Browsers use %s.", x.config.PublicURL)
}

// hostOf tells an IP address and a name of this machine.
func hostOf(u *url.URL) (ip net.IP, local bool) {
	ip = net.ParseIP(u.Hostname())
	return ip, u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// home is the workspace that is examined; fault.NotFound when it is not clear.
func (x *examination) home(ctx context.Context) (crm.Workspace, error) {
	if x.workspace != "" {
		return x.app.Store.Workspace(ctx, x.workspace)
	}
	w, err := x.app.Store.Only(ctx)
	if err == nil {
		x.workspace = w.ID
	}
	return w, err
}

func (x *examination) approval(ctx context.Context) Finding {
	w, err := x.home(ctx)
	if fault.Is(err, fault.NotFound) {
		return skipped("There is no workspace yet, or several: name one with --workspace.")
	}
	if err != nil {
		return broken("Start the database again.", "The workspace cannot be read: %s", plain(err))
	}
	page := x.config.PublicURL + "/admin/approval"
	switch w.Approval.State {
	case crm.ApprovalPending:
		return at(page, broken("An administrator of the workspace opens the approval page and approves.", "Nobody can connect: Google has not been approved in the workspace %s.", w.Name))
	case crm.ApprovalBlocked:
		return at(page, broken("An administrator of the workspace opens the approval page and approves.", "Nobody can connect, and what was connected rests: an administrator has blocked Google in the workspace %s.", w.Name))
	}
	bounds := "every domain"
	if len(w.Approval.AllowedDomains) > 0 {
		bounds = "accounts of " + strings.Join(w.Approval.AllowedDomains, ", ")
	}
	return good("Approved in the workspace %s for %s, scope profile %s.", w.Name, bounds, w.Approval.Profile)
}
