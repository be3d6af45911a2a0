export class RescuedView { constructor(root, context) {} show() {} hide() {} again() {} }
