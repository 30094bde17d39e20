/** The workspace that every simulated tenant has. */
export const simulatedWorkspaceId = "4f1d3c2b-5a69-4788-96a5-b4c3d2e1f001";
