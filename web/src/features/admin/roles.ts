import type { Role } from "@/lib/types";

const names: Record<Role, string> = { owner: "Owner", admin: "Administrator", member: "Member" };

/** What each role may do, for the person who gives it. */
export const roleDetails: Record<Role, string> = {
  owner: "Everything, including other owners",
  admin: "Members, approval, keys and set-up, but not owners",
  member: "Own mail and connections, and what colleagues share",
};

/** The roles that somebody can give to somebody who has one now. */
export function rolesFor(mine: Role, theirs: Role = "member"): { value: Role; label: string }[] {
  return (["member", "admin", "owner"] as const)
    .filter((role) => role !== "owner" || mine === "owner" || theirs === "owner")
    .map((value) => ({ value, label: names[value] }));
}

/** Why somebody's role cannot be changed; undefined when it can. */
export function mayChange(mine: Role, theirs: Role, owners: number): string | undefined {
  if (theirs === "owner" && mine !== "owner") return "Only an owner changes owners.";
  if (theirs === "owner" && owners < 2) return "The last owner stays. Make somebody else an owner first.";
  return undefined;
}
