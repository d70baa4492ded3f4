export const ActivitiesPage = () => null;
