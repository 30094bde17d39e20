import { describe, expect, test } from "vitest";
import { createBlobService, createQueueService, resolveConnection } from "./connections.ts";

const identity = { kind: "identity", isManaged: false, clientId: undefined };

describe("a connection", () => {
  test.each([
    [undefined, { AzureWebJobsStorage: "x=y" }, { kind: "string", text: "x=y" }],
    ["Data", { AzureWebJobsData: "a=b" }, { kind: "string", text: "a=b" }],
    ["Data", { Data: "a=b", Data__accountName: "acct" }, { kind: "string", text: "a=b" }],
    [
      "Data",
      { Data__accountName: "acct", Data__queueServiceUri: "https://other" },
      {
        ...identity,
        queueUri: "https://acct.queue.core.windows.net",
        blobUri: "https://acct.blob.core.windows.net",
      },
    ],
    [
      "Data",
      {
        Data__queueServiceUri: "https://q",
        Data__credential: "managedidentity",
        Data__clientId: "id",
      },
      {
        kind: "identity",
        isManaged: true,
        clientId: "id",
        queueUri: "https://q",
        blobUri: undefined,
      },
    ],
  ])("resolves %s with %j to %j", (name, env, expected) => {
    expect(resolveConnection(name, env)).toEqual(expected);
  });

  test("refuses a connection that no setting names, and lists the settings", () => {
    expect(() => resolveConnection("Data", {})).toThrow("Data__queueServiceUri");
  });

  test("refuses an empty connection next to its __ settings, as the platform's host does", () => {
    const env = { AzureWebJobsStorage: "", AzureWebJobsStorage__blobServiceUri: "https://b" };
    expect(() => resolveConnection(undefined, env)).toThrow("omit it");
  });

  test("resolves the development storage to Azurite's default ports", async () => {
    const connection = resolveConnection(undefined, {
      AzureWebJobsStorage: "UseDevelopmentStorage=true",
    });
    expect((await createQueueService(connection)).url).toBe(
      "http://127.0.0.1:10001/devstoreaccount1",
    );
    expect((await createBlobService(connection)).url).toBe(
      "http://127.0.0.1:10000/devstoreaccount1",
    );
  });

  test("opens the service that an identity connection names and refuses the other", async () => {
    const connection = resolveConnection("Data", {
      Data__queueServiceUri: "https://acct.queue.core.windows.net",
    });
    expect((await createQueueService(connection)).url).toContain(
      "https://acct.queue.core.windows.net",
    );
    await expect(createBlobService(connection)).rejects.toThrow("__blobServiceUri");
  });
});
