/** The menus of the shell: workspace, person, settings on a small screen. */
import { Menu, useMantineColorScheme } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useRouterState } from "@tanstack/react-router";
import {
  Check,
  ChevronDown,
  ChevronLeft,
  ChevronsUpDown,
  CircleUser,
  Keyboard,
  LogOut,
  Moon,
  Settings,
  Sun,
  SunMoon,
} from "lucide-react";
import { sessionApi } from "@/lib/api";
import { Avatar, cx, Mark } from "@/ui/kit";
import { paths } from "./paths";
import { admin, administration, settings } from "./places";
import { chooseWorkspace, forgetSession, isAdmin, useSession } from "./session";
import classes from "./shell.module.css";

export function useSignOut() {
  const client = useQueryClient();
  const navigate = useNavigate();
  return async () => {
    await sessionApi.signOut();
    forgetSession(client);
    await navigate({ to: paths.login });
  };
}

export function WorkspaceMenu({ slim }: { slim: boolean }) {
  const { workspace, workspaces } = useSession();
  const face = (
    <>
      <Mark size={22} />
      {!slim && <span className={classes.workspaceName}>{workspace.name}</span>}
    </>
  );
  if (workspaces.length < 2) return <div className={classes.workspace}>{face}</div>;
  return (
    <Menu position="bottom-start" width={220}>
      <Menu.Target>
        <button
          type="button"
          className={cx(classes.workspace, classes.workspaceButton)}
          aria-label="Choose the workspace"
        >
          {face}
          {!slim && <ChevronsUpDown size={13} />}
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>Workspaces</Menu.Label>
        {workspaces.map((w) => (
          <Menu.Item
            key={w.id}
            onClick={() => chooseWorkspace(w.id)}
            rightSection={w.id === workspace.id && <Check size={14} />}
          >
            {w.name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

export function UserMenu({ onHelp }: { onHelp: () => void }) {
  const { user } = useSession();
  return (
    <Menu position="top-start" width={224}>
      <Menu.Target>
        <button type="button" className={classes.user} title={user.email}>
          <Avatar name={user.name} email={user.email} size={24} />
          <span className={classes.itemLabel}>{user.name || user.email}</span>
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{user.email}</Menu.Label>
        <Menu.Item component={Link} to={paths.account} leftSection={<CircleUser size={15} />}>
          Account
        </Menu.Item>
        <Menu.Divider />
        <ThemeItems />
        <Menu.Divider />
        <Menu.Item leftSection={<Keyboard size={15} />} onClick={onHelp}>
          Keyboard shortcuts
        </Menu.Item>
        <SignOutItem />
      </Menu.Dropdown>
    </Menu>
  );
}

const themes = [
  ["auto", "Follow the system", SunMoon],
  ["light", "Light", Sun],
  ["dark", "Dark", Moon],
] as const;

function ThemeItems() {
  const scheme = useMantineColorScheme();
  return themes.map(([value, label, Icon]) => (
    <Menu.Item
      key={value}
      leftSection={<Icon size={15} />}
      rightSection={scheme.colorScheme === value && <Check size={14} />}
      onClick={() => scheme.setColorScheme(value)}
    >
      {label}
    </Menu.Item>
  ));
}

function SignOutItem() {
  const signOut = useSignOut();
  return (
    <Menu.Item leftSection={<LogOut size={15} />} onClick={() => void signOut()}>
      Sign out
    </Menu.Item>
  );
}

/** On a small screen: the settings, the theme and the way out. */
export function SmallMenu({ active, requests }: { active: boolean; requests: number }) {
  const { user, workspace } = useSession();
  return (
    <Menu position="top-end" width={240}>
      <Menu.Target>
        <button type="button" className={classes.tab} data-active={active || undefined}>
          <Settings size={20} strokeWidth={1.75} />
          Settings
          {requests > 0 && <span className={classes.tabBadge}>{requests}</span>}
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {settings.map(({ to, label, icon: Icon }) => (
          <Menu.Item key={label} component={Link} to={to} leftSection={<Icon size={16} />}>
            {label}
          </Menu.Item>
        ))}
        {isAdmin(workspace) && (
          <Menu.Item component={Link} to={administration.to} leftSection={<administration.icon size={16} />}>
            {administration.label}
          </Menu.Item>
        )}
        <Menu.Divider />
        <Menu.Label>{user.email}</Menu.Label>
        <ThemeItems />
        <Menu.Divider />
        <SignOutItem />
      </Menu.Dropdown>
    </Menu>
  );
}

/** On a small screen: which page of the administration this is, and the others. */
export function AdminBar({ requests }: { requests: number }) {
  const path = useRouterState({ select: (s) => s.location.pathname });
  return (
    <nav className={classes.adminBar} aria-label="Administration, small screen">
      <Link to={paths.home} className={classes.adminBack} aria-label="Back to the CRM">
        <ChevronLeft size={18} />
      </Link>
      <Menu position="bottom-start" width={260}>
        <Menu.Target>
          <button type="button" className={classes.adminHere}>
            Administration
            <ChevronDown size={14} />
            {requests > 0 && <span className={classes.badge}>{requests}</span>}
          </button>
        </Menu.Target>
        <Menu.Dropdown>
          {admin.map((group) => [
            <Menu.Label key={group.title}>{group.title}</Menu.Label>,
            ...group.places.map(({ to, label, icon: Icon }) => (
              <Menu.Item
                key={label}
                component={Link}
                to={to}
                leftSection={<Icon size={16} />}
                aria-current={to === path ? "page" : undefined}
                rightSection={
                  to === paths.adminApproval && requests > 0 ? (
                    <span className={classes.badge}>{requests}</span>
                  ) : undefined
                }
              >
                {label}
              </Menu.Item>
            )),
          ])}
        </Menu.Dropdown>
      </Menu>
    </nav>
  );
}
