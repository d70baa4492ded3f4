import { useMantineColorScheme } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { Keyboard, LogOut, Moon, PanelLeft, PenLine, Search, Sun, SunMoon } from "lucide-react";
import { Suspense, useEffect, useState } from "react";
import { type Action, useActions } from "@/actions/actions";
import { useGoogleIntegrationStatus } from "@/hooks/useGoogleIntegration";
import { count } from "@/lib/format";
import { followWorkspace, useLiveState } from "@/lib/live";
import { useRemembered } from "@/lib/remember";
import { Waiting } from "@/ui/kit";
import { NotFound } from "./fallbacks";
import { KeyHelp } from "./KeyHelp";
import { AdminBar, SmallMenu, useSignOut } from "./menus";
import { Palette } from "./Palette";
import { paths } from "./paths";
import { administration, admin as adminPlaces, main, type Place, settings } from "./places";
import { RecordActions, RecordsMenu } from "./RecordPlaces";
import { Sidebar } from "./Sidebar";
import { isAdmin, useSession } from "./session";
import classes from "./shell.module.css";
import { useOpenRequests } from "./useOpenRequests";

export const AdminShell = () => <Shell area="admin" />;

/** The frame round every page. Members find nothing at the addresses of the administration. */
export function Shell({ area = "crm" }: { area?: "crm" | "admin" }) {
  const { workspace } = useSession();
  const client = useQueryClient();
  const { status } = useGoogleIntegrationStatus(workspace.id);
  const [slim, setSlim] = useRemembered("sidebar.slim", false);
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState(false);
  useEffect(() => followWorkspace(workspace.id, client), [workspace.id, client]);
  const requests = useOpenRequests();
  const admin = isAdmin(workspace);
  const inside = area === "admin" && admin;
  useShellActions({ palette: () => setPalette(true), help: () => setHelp(true), fold: () => setSlim(!slim), admin });
  return (
    <div className={classes.shell} data-shell data-slim={slim || undefined}>
      <a href="#main" className={classes.skip}>
        Skip to the content
      </a>
      <Sidebar
        slim={slim}
        status={status}
        inside={inside}
        requests={requests}
        onFold={() => setSlim(!slim)}
        onSearch={() => setPalette(true)}
        onHelp={() => setHelp(true)}
      />
      <div className={classes.stage}>
        <Unreachable />
        {inside && <AdminBar requests={requests} />}
        <main id="main" className={classes.main} tabIndex={-1}>
          <Suspense fallback={<Waiting label="Loading the page" />}>
            {area === "admin" && !admin ? <NotFound within /> : <Outlet />}
          </Suspense>
        </main>
      </div>
      <BottomBar unread={status?.counts.unread ?? 0} requests={requests} onSearch={() => setPalette(true)} />
      {palette && <Palette workspaceId={workspace.id} onClose={() => setPalette(false)} />}
      <RecordActions />
      <KeyHelp opened={help} onClose={() => setHelp(false)} />
    </div>
  );
}

interface ShellActions {
  palette: () => void;
  help: () => void;
  fold: () => void;
  admin: boolean;
}

function useShellActions(open: ShellActions) {
  const navigate = useNavigate();
  const scheme = useMantineColorScheme();
  const signOut = useSignOut();
  const go = (place: Place): Action => ({
    id: `go.${place.label}`,
    label: place.label,
    group: "Go to",
    keys: place.keys ? [place.keys] : undefined,
    words: place.words,
    icon: place.icon,
    run: () => void navigate({ to: place.to }),
  });
  const goAdmin = (place: Place): Action => ({
    ...go(place),
    id: `admin.${place.label}`,
    group: "Administration",
  });
  useActions([
    ...[...main, ...settings, ...(open.admin ? [administration] : [])].map(go),
    { id: "palette", label: "Search or jump to", group: "General", keys: ["mod+k"], icon: Search, run: open.palette },
    {
      id: "compose",
      label: "Write a message",
      group: "General",
      keys: ["c"],
      icon: PenLine,
      words: "new compose send mail",
      when: () => !location.pathname.startsWith(paths.inbox),
      run: () => void navigate({ to: paths.inbox, search: { compose: "new" } }),
    },
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
    ...(open.admin ? adminPlaces.flatMap((g) => g.places).map(goAdmin) : []),
    { id: "signout", label: "Sign out", group: "General", icon: LogOut, run: signOut },
  ]);
}

function BottomBar({ unread, requests, onSearch }: { unread: number; requests: number; onSearch: () => void }) {
  const inSettings = useRouterState({ select: (s) => /^\/(crm\/settings|admin)/.test(s.location.pathname) });
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
      <RecordsMenu />
      <button type="button" className={classes.tab} onClick={onSearch}>
        <Search size={20} strokeWidth={1.75} />
        Search
      </button>
      <SmallMenu active={inSettings} requests={requests} />
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
