import { useMantineColorScheme } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { Keyboard, LogOut, Moon, PanelLeft, Search, Sun, SunMoon } from "lucide-react";
import { Suspense, useEffect, useState } from "react";
import { type Action, useActions } from "@/actions/actions";
import { shown } from "@/actions/keys";
import { useGoogleIntegrationStatus } from "@/hooks/useGoogleIntegration";
import { importProgress, lastSync, readConnection } from "@/lib/connection";
import { count } from "@/lib/format";
import { followWorkspace, useLiveState } from "@/lib/live";
import { useRemembered } from "@/lib/remember";
import type { GoogleStatus } from "@/lib/types";
import { Hint, Time, Waiting } from "@/ui/kit";
import { KeyHelp } from "./KeyHelp";
import { SmallMenu, UserMenu, useSignOut, WorkspaceMenu } from "./menus";
import { Palette } from "./Palette";
import { paths } from "./paths";
import { main, type Place, settings } from "./places";
import { useSession } from "./session";
import classes from "./shell.module.css";

export function Shell() {
  const { workspace } = useSession();
  const client = useQueryClient();
  const { status } = useGoogleIntegrationStatus(workspace.id);
  const [slim, setSlim] = useRemembered("sidebar.slim", false);
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  useEffect(() => followWorkspace(workspace.id, client), [workspace.id, client]);
  useShellActions({ palette: () => setPalette(true), help: () => setHelp(true), fold: () => setSlim(!slim) });
  return (
    <div className={classes.shell} data-slim={slim || undefined}>
      <a href="#main" className={classes.skip}>
        Skip to the content
      </a>
      <Sidebar
        slim={slim}
        status={status}
        onFold={() => setSlim(!slim)}
        onSearch={() => setPalette(true)}
        onHelp={() => setHelp(true)}
      />
      <div className={classes.stage}>
        <Unreachable />
        <main id="main" className={classes.main} tabIndex={-1}>
          <Suspense fallback={<Waiting label="Loading the page" />}>
            <Outlet />
          </Suspense>
        </main>
      </div>
      <BottomBar unread={status?.counts.unread ?? 0} onSearch={() => setPalette(true)} />
      {palette && <Palette workspaceId={workspace.id} onClose={() => setPalette(false)} />}
      <KeyHelp opened={help} onClose={() => setHelp(false)} />
    </div>
  );
}

function useShellActions(open: { palette: () => void; help: () => void; fold: () => void }) {
  const navigate = useNavigate();
  const scheme = useMantineColorScheme();
  const signOut = useSignOut();
  const go = (place: Place): Action => ({
    id: `go.${place.label}`,
    label: `Go to ${place.label}`,
    group: "Go to",
    keys: [place.keys],
    icon: place.icon,
    run: () => void navigate({ to: place.to }),
  });
  useActions([
    ...[...main, ...settings].map(go),
    { id: "palette", label: "Search or jump to", group: "General", keys: ["mod+k"], icon: Search, run: open.palette },
    { id: "help", label: "Show keyboard shortcuts", group: "General", keys: ["?"], icon: Keyboard, run: open.help },
    { id: "fold", label: "Fold or unfold the sidebar", group: "General", keys: ["["], icon: PanelLeft, run: open.fold },
    {
      id: "light",
      label: "Use the light theme",
      group: "General",
      icon: Sun,
      run: () => scheme.setColorScheme("light"),
    },
    { id: "dark", label: "Use the dark theme", group: "General", icon: Moon, run: () => scheme.setColorScheme("dark") },
    {
      id: "auto",
      label: "Follow the system's theme",
      group: "General",
      icon: SunMoon,
      run: () => scheme.setColorScheme("auto"),
    },
    { id: "signout", label: "Sign out", group: "General", icon: LogOut, run: signOut },
  ]);
}

interface SidebarProps {
  slim: boolean;
  status: GoogleStatus | undefined;
  onFold: () => void;
  onSearch: () => void;
  onHelp: () => void;
}

function Sidebar({ slim, status, onFold, onSearch, onHelp }: SidebarProps) {
  return (
    <aside className={classes.sidebar} aria-label="Navigation">
      <div className={classes.top}>
        <WorkspaceMenu slim={slim} />
        {!slim && (
          <Hint label="Fold the sidebar" keys="[">
            <button type="button" className={classes.fold} onClick={onFold} aria-label="Fold the sidebar">
              <PanelLeft size={15} />
            </button>
          </Hint>
        )}
      </div>
      <button type="button" className={classes.search} onClick={onSearch} aria-keyshortcuts="Control+K Meta+K">
        <Search size={15} />
        <span>Search or jump to</span>
        <kbd>{shown("mod+k")}</kbd>
      </button>
      <nav className={classes.nav} aria-label="Main">
        {main.map((place) => (
          <NavItem
            key={place.label}
            place={place}
            badge={place.to === paths.inbox ? status?.counts.unread : undefined}
          />
        ))}
        <p className={classes.group}>Settings</p>
        {settings.map((place) => (
          <NavItem key={place.label} place={place} warn={place.to === paths.integrations && needsCare(status)} />
        ))}
      </nav>
      <div className={classes.foot}>
        {slim && (
          <button type="button" className={classes.item} onClick={onFold} aria-label="Unfold the sidebar">
            <PanelLeft size={16} />
          </button>
        )}
        <SyncLine status={status} />
        <UserMenu onHelp={onHelp} />
      </div>
    </aside>
  );
}

function needsCare(status: GoogleStatus | undefined): boolean {
  if (!status) return false;
  const tone = readConnection(status).tone;
  return tone === "warn" || tone === "bad";
}

function NavItem({ place, badge, warn }: { place: Place; badge?: number; warn?: boolean }) {
  const Icon = place.icon;
  return (
    <Link
      to={place.to}
      className={classes.item}
      activeOptions={{ exact: place.exact ?? false, includeSearch: false }}
      activeProps={{ "data-active": true }}
      title={place.label}
    >
      <Icon size={16} strokeWidth={1.75} />
      <span className={classes.itemLabel}>{place.label}</span>
      {badge ? (
        <span className={classes.badge}>
          {count(badge)}
          <span className="visually-hidden"> unread</span>
        </span>
      ) : null}
      {warn && (
        <span className={classes.warnDot}>
          <span className="visually-hidden">needs attention</span>
        </span>
      )}
    </Link>
  );
}

/** What the mailbox is doing, in half a line. */
function SyncLine({ status }: { status: GoogleStatus | undefined }) {
  if (!status?.is_connected) return null;
  const reading = readConnection(status);
  const last = lastSync(status);
  const progress = importProgress(status);
  return (
    <Link to={paths.integrations} className={classes.sync} title={reading.title}>
      <span className={classes.syncDot} data-tone={reading.tone} />
      <span>
        {reading.tone === "ok" && last ? (
          <>
            Synced <Time iso={last} style="ago" />
          </>
        ) : progress && progress.total > 0 ? (
          `Importing ${count(progress.done)} of ${count(progress.total)}`
        ) : (
          reading.label
        )}
      </span>
    </Link>
  );
}

function BottomBar({ unread, onSearch }: { unread: number; onSearch: () => void }) {
  const inSettings = useRouterState({ select: (s) => s.location.pathname.startsWith("/crm/settings") });
  return (
    <nav className={classes.bottom} aria-label="Main, small screen">
      {main.map(({ to, label, icon: Icon, exact }) => (
        <Link
          key={label}
          to={to}
          activeOptions={{ exact: exact ?? false, includeSearch: false }}
          activeProps={{ "data-active": true }}
          className={classes.tab}
        >
          <Icon size={20} strokeWidth={1.75} />
          {label}
          {to === paths.inbox && unread > 0 && <span className={classes.tabBadge}>{count(unread)}</span>}
        </Link>
      ))}
      <button type="button" className={classes.tab} onClick={onSearch}>
        <Search size={20} strokeWidth={1.75} />
        Search
      </button>
      <SmallMenu active={inSettings} />
    </nav>
  );
}

/** Shown after a moment of silence only: a single dropped connection is not worth a word. */
function Unreachable() {
  const live = useLiveState();
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (live !== "lost") {
      setLate(false);
      return;
    }
    const timer = setTimeout(() => setLate(true), 2500);
    return () => clearTimeout(timer);
  }, [live]);
  if (!late) return null;
  return (
    <div className={classes.offline} role="status">
      No connection to Rapport. You see what was loaded last; it updates by itself as soon as the connection is back.
    </div>
  );
}
