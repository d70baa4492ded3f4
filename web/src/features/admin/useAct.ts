export { useAct } from "@/hooks/useAct";
