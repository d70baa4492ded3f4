import { Link } from "@tanstack/react-router";
import { ChevronLeft, PanelLeft, Search } from "lucide-react";
import { shown } from "@/actions/keys";
import { useWebhookCare } from "@/hooks/useWebhookCare";
import { importProgress, lastSync, readConnection } from "@/lib/connection";
import { count } from "@/lib/format";
import type { GoogleStatus } from "@/lib/types";
import { Hint, Time } from "@/ui/kit";
import { UserMenu, WorkspaceMenu } from "./menus";
import { paths } from "./paths";
import { admin, administration, main, type Place, settings } from "./places";
import { RecordNav } from "./RecordPlaces";
import { isAdmin, useSession } from "./session";
import classes from "./shell.module.css";

interface Props {
  slim: boolean;
  /** In the administration, which has its own navigation. */
  inside: boolean;
  status: GoogleStatus | undefined;
  /** Members who wait for an administrator's approval. */
  requests: number;
  onFold: () => void;
  onSearch: () => void;
  onHelp: () => void;
}

export function Sidebar({ slim, inside, status, requests, onFold, onSearch, onHelp }: Props) {
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
      {inside ? <AdminNav requests={requests} /> : <MainNav status={status} requests={requests} />}
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

function MainNav({ status, requests }: Pick<Props, "status" | "requests">) {
  const { workspace } = useSession();
  const hooks = useWebhookCare(workspace.id, isAdmin(workspace));
  return (
    <nav className={classes.nav} aria-label="Main">
      {main.map((place) => (
        <NavItem
          key={place.label}
          place={place}
          badge={place.to === paths.inbox ? status?.counts.unread : undefined}
          unit="unread"
        />
      ))}
      <RecordNav />
      <p className={classes.group}>Settings</p>
      {settings.map((place) => (
        <NavItem key={place.label} place={place} warn={place.to === paths.integrations && needsCare(status)} />
      ))}
      {isAdmin(workspace) && (
        <NavItem place={administration} badge={requests} unit="open requests" warn={hooks.length > 0} />
      )}
    </nav>
  );
}

function AdminNav({ requests }: Pick<Props, "requests">) {
  const { workspace } = useSession();
  const hooks = useWebhookCare(workspace.id, isAdmin(workspace));
  return (
    <nav className={classes.nav} aria-label="Administration">
      <Link to={paths.home} className={classes.back} title="Back to the CRM">
        <ChevronLeft size={16} strokeWidth={1.75} />
        <span className={classes.itemLabel}>Administration</span>
        <span className="visually-hidden">: back to the CRM</span>
      </Link>
      {admin.map((group) => (
        <div key={group.title} className={classes.places}>
          <p className={classes.group}>{group.title}</p>
          {group.places.map((place) => (
            <NavItem
              key={place.label}
              place={place}
              badge={place.to === paths.adminApproval ? requests : undefined}
              unit="open requests"
              warn={place.to === paths.adminWebhooks && hooks.length > 0}
            />
          ))}
        </div>
      ))}
    </nav>
  );
}

function needsCare(status: GoogleStatus | undefined): boolean {
  if (!status) return false;
  const tone = readConnection(status).tone;
  return tone === "warn" || tone === "bad";
}

function NavItem({ place, badge, unit, warn }: { place: Place; badge?: number; unit?: string; warn?: boolean }) {
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
          <span className="visually-hidden"> {unit}</span>
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
