/** 501 and 505 are about the request: any other instance would say the same. */
const aboutTheRequest = new Set([501, 505]);

/** Whether a response with that status says that the endpoint is well: 4xx does, 500, 502, 503, 504 and the like do not. */
export function speaksWell(status: number): boolean {
  return status < 500 || aboutTheRequest.has(status);
}
